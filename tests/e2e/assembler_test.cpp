// Assemblers that do not do their work: the build fails with the reason, and the other compiler serves.
#include "daemon_process.h"
#include "kernels.h"

#include <cstdlib>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {

/// A shell script in place of tileiras. It finds the output's name in $OUT.
std::string impostor(const Folder& folder, const std::string& version, const std::string& body) {
  const std::string path = folder.write(
      "tileiras", "#!/bin/sh\n[ \"$1\" = --version ] && echo 'Cuda compilation tools, release 13.5, V" +
                      version +
                      "' && exit 0\n"
                      "while [ $# -gt 0 ]; do [ \"$1\" = --output-file ] && OUT=$2; shift; done\n" +
                      body + "\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

std::string kernelText() {
  std::string source = elementwise(storeScaled(2));
  for (size_t at; (at = source.find("${BLOCK_SIZE}")) != std::string::npos;)
    source.replace(at, 13, "256");
  return source;
}

tunectl::Finished compile(const Folder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {program("tunectl"), "compile", folder / "double.ttir"});
  arguments.insert(arguments.end(), {"--target", "sm_90a", "-o", folder / "double.out"});
  auto finished = tunectl::runProgram(arguments, 120);
  REQUIRE(finished);
  return *finished;
}

} // namespace

TEST_CASE("an assembler that crashes, writes garbage, refuses or is too old fails the build and says so") {
  const Folder folder;
  folder.write("double.ttir", kernelText());
  struct Row {
    const char *version, *body, *expected;
  };
  for (const Row& row : {Row{"13.5.37", "kill -SEGV $$", "crashed"},
                         {"13.5.37", "echo hello > $OUT", "no cubin"},
                         {"13.5.37", "printf '\\177ELF and no more' > $OUT", "cubin"},
                         {"13.5.37", "head -c 100000 /dev/urandom > $OUT", "no cubin"},
                         {"13.5.37", "exit 0", "wrote no file"},
                         {"13.5.37", "echo no such operation; exit 5", "no such operation"},
                         {"13.5.37", "yes | head -c 10000000; exit 5", "refuses the kernel"},
                         {"13.1.80", "exit 0", "too old"}}) {
    CAPTURE(std::string(row.body));
    ::setenv("GPU_TUNED_TOOLCHAIN", impostor(folder, row.version, row.body).c_str(), 1);
    const auto refused = compile(folder, {"--compiler", "tileir"});
    CAPTURE(refused.output);
    CAPTURE(refused.errors);
    CHECK(refused.exitCode == 1); // also where no daemon is
    CHECK(refused.errors.find(row.expected) != std::string::npos);
    CHECK(refused.errors.size() < 2000);
    const auto served = compile(folder, {"--compiler", "nvptx", "--emit", "ptx"});
    CHECK(served.exitCode == 0);
  }
  ::unsetenv("GPU_TUNED_TOOLCHAIN");
}
