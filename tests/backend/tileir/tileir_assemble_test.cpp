// Running the assembler, with programs in its place that do all that it might.
#include "backend/tileir/assemble/assembler.h"

#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace tuned;
using namespace tuned::tileir;
namespace fs = std::filesystem;

/// A folder with a shell script `tileiras` in it. The script finds the output's name in $OUT.
class Impostor {
public:
  explicit Impostor(const std::string& body) : folder(std::move(*TemporaryFolder::make())) {
    path = folder.path() + "/tileiras";
    std::ofstream(path) << "#!/bin/sh\n"
                           "while [ $# -gt 0 ]; do [ \"$1\" = --output-file ] && OUT=$2; shift; done\n"
                        << body << "\n";
    fs::permissions(path, fs::perms::owner_all);
  }
  Result<Assembled> run(const ChildLimits& limits = {}) {
    return assemble({path, "13.3.0"}, "bytecode", "sm_90a", limits);
  }
  TemporaryFolder folder;
  std::string path;
};

ErrorKind kindOf(const Result<Assembled>& result) {
  REQUIRE(!result);
  CHECK(result.error().message.find("tileiras 13.3.0") != std::string::npos);
  return result.error().kind;
}

TEST_CASE("a cubin comes back, with what was said beside it") {
  auto result = Impostor("echo spills >&2; printf '\\177ELFrest' > $OUT").run();
  REQUIRE(result);
  CHECK(result->cubin == "\x7f"
                         "ELFrest");
  CHECK(result->remarks == "spills\n");
}

TEST_CASE("what goes wrong is said") {
  CHECK(kindOf(Impostor("echo no such op; exit 5").run()) == ErrorKind::Unsupported);
  CHECK(kindOf(Impostor("echo at byte 3; exit 3").run()) == ErrorKind::Internal);
  CHECK(kindOf(Impostor("exit 7").run()) == ErrorKind::Faulted);
  CHECK(kindOf(Impostor("kill -SEGV $$").run()) == ErrorKind::Faulted);
  CHECK(kindOf(Impostor("echo hello > $OUT").run()) == ErrorKind::Faulted);
  CHECK(kindOf(Impostor(": > $OUT").run()) == ErrorKind::Faulted);
  CHECK(kindOf(Impostor("exit 0").run()) == ErrorKind::Faulted);
  auto refused = Impostor("echo no such op; exit 5").run();
  CHECK(refused.error().message.find("no such op") != std::string::npos);
}

TEST_CASE("one that hangs is killed with all that it started") {
  Impostor hanging("sleep 300 & echo $! > \"$0.child\"; wait");
  pid_t child = 0;
  // On a busy machine it may not have come as far as its child by then.
  for (int deadline = 400; child == 0 && deadline < 60'000; deadline *= 2) {
    CHECK(kindOf(hanging.run({.deadline = std::chrono::milliseconds(deadline)})) == ErrorKind::TimedOut);
    std::ifstream(hanging.path + ".child") >> child;
  }
  REQUIRE(child > 0);
  // It was killed; it may take a moment, and who adopted it may not have collected it yet.
  auto isGone = [&] {
    std::string state;
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    if (stat) stat >> state >> state >> state;
    return state.empty() || state == "Z" || state == "X";
  };
  for (int tries = 0; tries < 3000 && !isGone(); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(isGone());
}

TEST_CASE("one that computes for ever is ended by its processor time, whoever of its processes it is") {
  const ChildLimits limits{.processor = std::chrono::seconds(1)};
  CHECK(kindOf(Impostor("while :; do :; done").run(limits)) == ErrorKind::TimedOut);
  CHECK(kindOf(Impostor("sh -c 'while :; do :; done'; echo killed; exit 3").run(limits)) ==
        ErrorKind::TimedOut);
}

TEST_CASE("memory and files are limited") {
  ChildLimits limits;
  limits.addressSpace = int64_t(64) << 20;
  CHECK(
      kindOf(Impostor("head -c 300000000 /dev/zero | tail -c 200000000 > /dev/null || exit 9").run(limits)) ==
      ErrorKind::Faulted);
  limits = {};
  limits.fileSize = 100'000;
  CHECK(kindOf(Impostor("exec head -c 1000000 /dev/zero > $OUT").run(limits)) == ErrorKind::Faulted);
  auto loud = Impostor("yes | head -c 90000; exit 5").run();
  CHECK(loud.error().message.size() < 1000);
}

TEST_CASE("nothing of our environment reaches it") {
  setenv("CUDA_HOME", "/usr/local/cuda", 1);
  setenv("CUDA_PATH", "/usr/local/cuda", 1);
  auto result = Impostor("[ -z \"$CUDA_HOME$CUDA_PATH$HOME\" ] || exit 5; printf '\\177ELF' > $OUT").run();
  unsetenv("CUDA_HOME");
  unsetenv("CUDA_PATH");
  CHECK(result);
}

TEST_CASE("an assembler ends with whoever waits for it") {
  auto place = TemporaryFolder::make();
  REQUIRE(place);
  const std::string told = place->path() + "/number";
  Impostor endless("echo $$ > " + told + ".new; mv " + told + ".new " + told + "; exec sleep 600");
  const pid_t waiting = ::fork();
  if (waiting == 0) {
    (void)endless.run();
    ::_exit(0);
  }
  pid_t assembler = 0;
  for (int i = 0; i < 6000 && !(std::ifstream(told) >> assembler); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(assembler > 0);
  ::kill(waiting, SIGKILL);
  ::waitpid(waiting, nullptr, 0);
  const auto alive = [&] {
    std::ifstream file("/proc/" + std::to_string(assembler) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    return !text.empty() && text.find(") Z") == std::string::npos;
  };
  for (int i = 0; i < 6000 && alive(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK_FALSE(alive());
}

TEST_CASE("one that is missing, silent or too old does not serve") {
  auto missing = assemblerAt("/nowhere/tileiras");
  REQUIRE(!missing);
  CHECK(missing.error().kind == ErrorKind::Unavailable);
  CHECK(!missing.error().remedy.empty());
  auto silent = assemblerAt(Impostor("exit 0").path);
  REQUIRE(!silent);
  Impostor old("echo 'Cuda compilation tools, release 13.2, V13.2.86'");
  auto tooOld = assemblerAt(old.path);
  REQUIRE(!tooOld);
  CHECK(tooOld.error().message.find("13.2.86, too old") != std::string::npos);
  Impostor good("echo 'Cuda compilation tools, release 13.10, V13.10.1'");
  CHECK(assemblerAt(good.path)->version == "13.10.1");
}

TEST_CASE("targets are known by tileiras's names") {
  CHECK(*assemblerTarget("sm_90a") == "sm_90");
  CHECK(*assemblerTarget("sm_120f") == "sm_120");
  CHECK(*assemblerTarget("sm_80") == "sm_80");
  REQUIRE(!assemblerTarget("sm_70"));
  CHECK(assemblerTarget("sm_70").error().message.find("sm_70") != std::string::npos);
}

} // namespace
