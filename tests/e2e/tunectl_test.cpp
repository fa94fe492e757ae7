// tunectl as a program: its verbs, what it prints where, and how it ends.
#include "daemon_process.h"
#include "kernels.h"

#include <doctest/doctest.h>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {
DaemonProcess& daemon() {
  static DaemonProcess process;
  return process;
}

std::string kernelFile(const std::string& name, int factor) {
  return daemon().folder().write(name + ".json", document(name, elementwise(storeScaled(factor))).dump());
}

const std::vector<std::string> problem = {"--size", "n_elements=5000", "--device", "cpu"};

tunectl::Finished run(std::vector<std::string> arguments, bool withProblem = false) {
  if (withProblem) arguments.insert(arguments.end(), problem.begin(), problem.end());
  return daemon().tunectl(arguments);
}

/// Output that has to be JSON.
json runJson(std::vector<std::string> arguments, bool withProblem = false) {
  arguments.push_back("--json");
  const auto finished = run(arguments, withProblem);
  INFO(finished.output << finished.errors);
  CHECK(finished.exitCode == 0);
  const json out = json::parse(finished.output, nullptr, false);
  CHECK_FALSE(out.is_discarded());
  return out;
}
} // namespace

TEST_CASE("query misses, tune, query hits") {
  const std::string file = kernelFile("cli_scaled", 2);
  const auto before = run({"query", file}, true);
  CHECK(before.exitCode == 3);
  CHECK(before.output.find("not tuned yet") != std::string::npos);

  const auto tuned = run({"tune", file}, true);
  INFO(tuned.output << tuned.errors << daemon().log());
  REQUIRE(tuned.exitCode == 0);
  for (const char* expected :
       {"cli_scaled", "3 of 3: 3 timed", "BLOCK_SIZE=", "GB/s", "gain over default", "passed"})
    CHECK_MESSAGE(tuned.output.find(expected) != std::string::npos, expected);
  // Not a terminal: a line a trial, on stderr, and no carriage returns.
  CHECK(tuned.errors.find("cli_scaled on cpu 1/3") != std::string::npos);
  CHECK(tuned.errors.find('\r') == std::string::npos);

  const auto after = run({"query", file, "--output", daemon().folder() / "winner.o"}, true);
  CHECK(after.exitCode == 0);
  CHECK(after.output.find("the cache: tuned for these sizes") != std::string::npos);
  CHECK(std::filesystem::file_size(daemon().folder() / "winner.o") > 0);

  CHECK(runJson({"query", file}, true)["source"] == "cache");
  CHECK(runJson({"tune", file}, true)["state"] == "done");
  const json measured = runJson({"bench", file, "--repeats", "50"}, true);
  CHECK(measured["round_trip_p50"].get<double>() > 0);
  CHECK(measured["round_trip_p95"].get<double>() >= measured["round_trip_p50"].get<double>());
  CHECK(measured["measured_seconds"].get<double>() > 0);
  // Timing the winner again has not taken its place or its history.
  const json kept = runJson({"query", file}, true);
  CHECK(kept["gain"].is_number());
  CHECK(kept["coverage"] == 1);
}

TEST_CASE("lists and details") {
  const std::string file = kernelFile("cli_lists", 3);
  REQUIRE(run({"tune", file, "--strategy", "random", "--seed", "3", "--trials", "2"}, true).exitCode == 0);
  CHECK(runJson({"ls"})["winners"].size() >= 1);
  CHECK(runJson({"ls", "kernels"})["kernels"].size() >= 1);
  CHECK(runJson({"ls", "devices"})["devices"][0]["id"] == "cpu");
  CHECK(runJson({"ls", "trials", "--kernel", "cli_lists"})["trials"].size() == 2);
  const json jobs = runJson({"ls", "jobs"});
  REQUIRE(jobs["jobs"].size() >= 1);
  const std::string id = jobs["jobs"][0]["id"];
  CHECK(runJson({"show", id})["id"] == id);
  CHECK(runJson({"watch", id})["state"] == "done");
  CHECK(runJson({"show", "cli_lists"})["name"] == "cli_lists");
  for (const char* what : {"winners", "kernels", "trials", "jobs", "devices"}) {
    const auto listed = run({"ls", what});
    CHECK(listed.exitCode == 0);
    CHECK(std::count(listed.output.begin(), listed.output.end(), '\n') >= 2);
  }
  CHECK(run({"show", "cli_lists"}).output.find("parameter BLOCK_SIZE") != std::string::npos);
  CHECK(run({"show", "no_such_thing"}).exitCode == 1);
}

TEST_CASE("status, version and doctor") {
  const json status = runJson({"status"});
  CHECK(status["pid"] == daemon().process());
  CHECK(status["ready"] == true);
  CHECK(run({"status"}).output.find("device cpu") != std::string::npos);
  const json version = runJson({"version"});
  CHECK(version["tunectl"] == version["tuned"]);
  const auto doctor = run({"doctor", "--json"});
  const json findings = json::parse(doctor.output)["findings"];
  bool answered = false;
  for (const json& finding : findings) {
    if (finding["subject"] == "daemon" && finding["state"] == "ok") answered = true;
    if (finding["state"] != "ok") CHECK_FALSE(finding["remedy"].get<std::string>().empty());
  }
  CHECK(answered);
}

TEST_CASE("exit codes") {
  CHECK(run({}).exitCode == 2);
  CHECK(run({"frobnicate"}).exitCode == 2);
  CHECK(run({"frobnicate"}).errors.find("no verb 'frobnicate'") != std::string::npos);
  CHECK(run({"frobnicate"}).errors.find("did you mean") == std::string::npos);
  CHECK(run({"exlpain"}).errors.find("did you mean 'explain'?") != std::string::npos);
  CHECK(run({"device"}).errors.find("did you mean 'ls devices'?") != std::string::npos);
  CHECK(run({"tune"}).exitCode == 2);
  CHECK(run({"tune", "relu", "--size", "n_elements"}).exitCode == 2);
  // An integer, but none that a size can be.
  for (const char* size : {"n_elements=99999999999999999999", "n_elements=-9223372036854775809"}) {
    const auto far = run({"tune", "relu", "--size", size});
    CHECK(far.exitCode == 2);
    CHECK_MESSAGE(
        far.errors.find("n_elements is out of range, -9223372036854775808 to 9223372036854775807") !=
            std::string::npos,
        far.errors);
  }
  for (const char* size : {"n_elements=", "n_elements=12x", "n_elements=99999999999999999999x", "=3"})
    CHECK(run({"tune", "relu", "--size", size}).errors.find("is not NAME=INTEGER") != std::string::npos);
  CHECK(run({"--help"}).exitCode == 0);
  CHECK(run({"query", "no_such_kernel"}, true).exitCode == 3);
  CHECK(run({"tune", "no_such_kernel"}, true).exitCode == 1);
  CHECK(run({"watch", "no_such_job"}).exitCode == 1);

  const auto away =
      tunectl::runProgram({program("tunectl"), "status", "--json", "--socket", "/nonexistent/s"}, 30);
  REQUIRE(away);
  CHECK(away->exitCode == 4);
  CHECK(away->output.empty());
  CHECK(json::parse(away->errors)["kind"] == "unavailable");

  const auto bad = tunectl::runProgram({program("tunectl"), "serve", "--log-level", "loud"}, 30);
  REQUIRE(bad);
  CHECK(bad->exitCode == 78);
  CHECK(bad->errors.find("log_level") != std::string::npos);
}

TEST_CASE("serve --detach returns once the daemon is ready, or says why it is not") {
  const Folder folder;
  const std::string socket = folder / "s.sock", log = folder / "logs/tuned.log";
  const auto serve = [&](std::vector<std::string> options, const std::string& at) {
    options.insert(options.begin(), {program("tunectl"), "serve", "--detach", "--log", log, "--socket", at,
                                     "--cache", folder / "cache", "--device", "cpu"});
    auto finished = tunectl::runProgram(options, 120);
    REQUIRE(finished);
    return *finished;
  };
  const auto started = serve({"--json"}, socket);
  INFO(started.output << started.errors);
  REQUIRE(started.exitCode == 0);
  const json said = json::parse(started.output);
  const pid_t process = said["process"];
  CHECK(said["said"] == "serving on " + socket);
  const auto client = client::Client::connect({socket, 10}); // at once: it is ready
  REQUIRE(client);
  CHECK(getsid(process) == process); // it outlives the terminal

  const auto again = serve({"--json"}, socket); // started twice: the first serves on, and that is no error
  CHECK_MESSAGE(again.exitCode == 0, again.errors);
  CHECK(json::parse(again.output)["said"] ==
        "serves already on " + socket + " (process " + std::to_string(process) + ")");
  const auto second = serve({}, folder / "other.sock"); // the same cache
  CHECK(second.exitCode == 1);
  CHECK(second.errors.find("in use by another daemon") != std::string::npos);
  CHECK(second.errors.find("serving on") == std::string::npos); // of the first daemon, in the same log
  CHECK(serve({"--log-level", "loud"}, folder / "other.sock").exitCode == 78);

  const auto stop = [&] {
    return tunectl::runProgram({program("tunectl"), "stop", "--socket", socket}, 120);
  };
  const auto stopped = stop();
  REQUIRE(stopped);
  CHECK_MESSAGE(stopped->exitCode == 0, stopped->errors);
  CHECK(stopped->output.find("process " + std::to_string(process)) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(socket)); // at once: it has ended
  CHECK(stop()->exitCode == 4);
  const auto absent = serve({"--device", "cuda:77"}, socket);
  CHECK(absent.exitCode == 78);
  CHECK(absent.errors.find("there is no device 'cuda:77'") != std::string::npos);
}

TEST_CASE("a socket that may not be opened is denied, a daemon that does not answer a time-out") {
  const Folder folder;
  const std::string path = folder / "silent.sock";
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(listener, 8) == 0);
  const auto silent =
      tunectl::runProgram({program("tunectl"), "status", "--timeout", "0.5", "--socket", path}, 30);
  REQUIRE(silent);
  CHECK(silent->exitCode == 6);
  std::filesystem::permissions(path, std::filesystem::perms::none);
  std::vector<std::string> command = {program("tunectl"), "status", "--socket", path};
  // Root may open anything: then it is tried as nobody.
  if (geteuid() == 0) {
    std::filesystem::permissions(folder / "", std::filesystem::perms::all);
    command.insert(command.begin(), {"/usr/bin/setpriv", "--reuid=65534", "--clear-groups"});
  }
  const auto refused = tunectl::runProgram(command, 30);
  REQUIRE(refused);
  CHECK_MESSAGE(refused->exitCode == 5, refused->errors);
  ::close(listener);
}

TEST_CASE("compile without a daemon") {
  const Folder folder;
  std::string source = elementwise(storeScaled(2));
  for (size_t at; (at = source.find("${BLOCK_SIZE}")) != std::string::npos;)
    source.replace(at, 13, "256");
  const std::string file = folder.write("double.ttir", source);
  const auto compile = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {program("tunectl"), "compile"});
    auto finished = tunectl::runProgram(arguments, 120);
    REQUIRE(finished);
    return *finished;
  };
  const auto object = compile({file, "--target", "cpu", "-o", folder / "double.o"});
  INFO(object.output << object.errors);
  CHECK(object.exitCode == 0);
  CHECK(std::filesystem::file_size(folder / "double.o") > 0);

  const auto text = compile({file, "--target", "cpu", "--emit", "llvm"});
  CHECK(text.exitCode == 0);
  CHECK(text.output.find("define") != std::string::npos);

  const auto ptx = compile({file, "--target", "sm_90a", "--num-warps", "4", "--num-stages", "3", "--emit",
                            "ptx", "-o", folder / "double.ptx", "--json"});
  INFO(ptx.output << ptx.errors);
  CHECK(ptx.exitCode == 0);
  const json resources = json::parse(ptx.output, nullptr, false);
  REQUIRE(resources.is_object());
  CHECK(resources["resources"]["registers"].get<int>() > 0);
  CHECK(resources["resources"]["spill_bytes"] == 0);

  const auto assembly = compile({file, "--target", "sm_90a", "--emit", "asm"});
  if (assembly.exitCode == 0) {
    CHECK(assembly.output.find("EXIT") != std::string::npos);
    CHECK(assembly.errors.find("registers") != std::string::npos); // beside the assembly, not in it
  } else { // a machine without the toolkit's disassembler
    CHECK(assembly.errors.find("nvdisasm") != std::string::npos);
  }
  CHECK(compile({file, "--target", "cpu", "--emit", "asm"}).output.find("ret") != std::string::npos);

  const std::string bytecode = folder / "double.tileirbc";
  const auto second = compile(
      {file, "--compiler", "tileir", "--target", "sm_100a", "--emit", "bytecode", "-o", bytecode, "--json"});
  INFO(second.output << second.errors);
  CHECK(second.exitCode == 0);
  std::string magic(8, 0);
  std::ifstream(bytecode, std::ios::binary).read(magic.data(), 8);
  CHECK(magic == std::string("\x7fTileIR\0", 8));
  const json made = json::parse(second.output, nullptr, false);
  REQUIRE(made.is_object());
  CHECK(made["compiler"] == "tileir");
  // Without tileiras the bytecode is there all the same, and the result says what is missing.
  if (made.contains("unfinished"))
    CHECK(made["unfinished"].get<std::string>().find("tileiras") != std::string::npos);
  else
    CHECK(made["assembler"].get<std::string>().starts_with("tileiras "));
  CHECK(compile({file, "--compiler", "tileir", "--target", "cpu"}).exitCode == 1);

  const auto broken = compile({folder.write("broken.ttir", "module {\n  tt.nothing\n}\n")});
  CHECK(broken.exitCode == 1);
  CHECK(broken.errors.find("broken.ttir:2:") != std::string::npos);
  CHECK(compile({folder / "absent.ttir"}).exitCode == 2);
  CHECK(compile({file, "--target", "sm_13"}).exitCode == 1);
  for (const char* grid : {"0,1,1", "1,-2", "99999999999,1,1"}) {
    const auto refused = compile({file, "--target", "sm_90a", "--grid", grid});
    INFO(grid << refused.errors);
    CHECK(refused.exitCode != 0);
    CHECK(refused.errors.find("programs along an axis") != std::string::npos);
  }
}
