// Built ahead, carried and measured later, by the real programs: what a CI job and a host do.
#include "client/protocol.h"
#include "daemon_process.h"
#include "kernels.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {

const std::vector<std::string> problem = {"built", "--size", "n_elements=5000", "--device", "cpu"};

/// A folder with a kernel and a manifest of it, and tunectl in it without a daemon.
struct Machine {
  Folder folder;
  Machine() {
    folder.write("built.json", document("built", elementwise(storeScaled(53))).dump());
    manifest("m.json", "built.json", "n_elements");
  }
  void manifest(const std::string& file, const std::string& kernel, const std::string& size) const {
    const json out = {{"name", "m"}, {"kernels", {{{"kernel", kernel}, {"sizes", {{size, {5000, 6000}}}}}}}};
    folder.write(file, out.dump());
  }
  tunectl::Finished run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), program("tunectl"));
    auto finished = tunectl::runProgram(arguments, 240);
    REQUIRE_MESSAGE(finished.has_value(), (finished ? "" : finished.error().text()));
    return *finished;
  }
  json runJson(std::vector<std::string> arguments, int exitCode = 0) const {
    arguments.emplace_back("--json");
    const auto finished = run(arguments);
    CHECK_MESSAGE(finished.exitCode == exitCode, finished.output << finished.errors);
    return json::parse(finished.output, nullptr, false);
  }
  json prewarm(const std::string& file, const std::string& cache, std::vector<std::string> more = {},
               int exitCode = 0) const {
    more.insert(more.begin(), {"prewarm", folder / file, "--compile-only", "--cache", cache});
    return runJson(more, exitCode);
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

double counter(client::Client& client, const std::string& name) {
  const std::string text = client.page("/metrics").value_or("");
  const size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + 1 + name.size()));
}

} // namespace

TEST_CASE("built without a daemon, carried, measured by another's without compiling, and carried on") {
  Machine ci;
  const std::string cache = ci.folder / "ci", bundle = ci.folder / "b", key = ci.folder / "key";
  CHECK(ci.prewarm("m.json", cache, {"--target", "cpu"})["compiled"] == 6);
  const json again = ci.prewarm("m.json", cache, {"--target", "cpu"});
  CHECK(again["compiled"] == 0);
  CHECK(again["known"] == 6);
  ci.runJson({"key", "new", key});
  CHECK(ci.runJson({"export", bundle, "--cache", cache, "--key", key})["builds"] == 6);
  const json shown = ci.runJson({"show", bundle});
  CHECK(shown["builds"] == 6);
  CHECK(shown["measurements"] == 0);
  CHECK(shown["kernels"].size() == 1);
  CHECK(shown["signer"].get<std::string>().size() == 64);
  CHECK(ci.runJson({"verify", bundle})["sound"] == true);

  DaemonProcess host;
  const std::string there = host.folder() / "cache";
  const auto busy = ci.run({"import", bundle, "--cache", there, "--trust", key + ".pub"});
  CHECK(busy.exitCode == 1);
  CHECK(contains(busy.errors, "stop that daemon"));
  host.stop(SIGTERM);
  CHECK(ci.run({"import", bundle, "--cache", there}).exitCode == 5); // from no trusted key
  CHECK(ci.runJson({"import", bundle, "--cache", there, "--trust", key + ".pub"})["builds"] == 6);
  host.start();
  auto client = host.connect();
  // A winner is told as soon as one build was timed; the tuning is done when all of them were.
  for (int i = 0; i < 1200 && counter(client, "gpu_tuned_jobs_done_total") < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(client.status()->winners == 2);
  std::vector<std::string> query = problem;
  query.insert(query.begin(), "query");
  CHECK_MESSAGE(host.tunectl(query).exitCode == 0, host.log());
  CHECK(counter(client, "gpu_tuned_builds_made_total") == 0);
  CHECK(contains(host.log(), "measured from builds that were here"));
  host.stop(SIGTERM);

  const std::string measured = ci.folder / "measured";
  CHECK(ci.runJson({"export", measured, "--cache", there, "--key", key})["measurements"] == 6);
  CHECK(ci.run({"diff", measured, measured, "--max-regression", "1"}).exitCode == 0);
  // An equal machine that trusts the measurements answers from them at once.
  DaemonProcess equal;
  equal.stop(SIGTERM);
  const std::vector<std::string> import = {"import",
                                           measured,
                                           "--cache",
                                           equal.folder() / "cache",
                                           "--trust",
                                           key + ".pub",
                                           "--trust-measurements"};
  CHECK(ci.runJson(import)["measurements"] == 6);
  CHECK(ci.runJson(import)["known"] == true);
  equal.start();
  CHECK(equal.tunectl(query).exitCode == 0);
  auto asked = equal.connect();
  CHECK(counter(asked, "gpu_tuned_jobs_started_total") == 0);
}

TEST_CASE("beside a running daemon: export and import go through it, and what came is measured behind") {
  Machine ci;
  const std::string cache = ci.folder / "ci", bundle = ci.folder / "b", key = ci.folder / "key";
  CHECK(ci.prewarm("m.json", cache, {"--target", "cpu"})["compiled"] == 6);
  ci.runJson({"key", "new", key});
  ci.runJson({"export", bundle, "--cache", cache, "--key", key});

  DaemonProcess host;
  // Who trusts nobody takes nothing, and a bundle that was altered is none.
  CHECK(host.tunectl({"import", bundle}).exitCode == 5);
  std::string altered = read(bundle);
  altered[altered.size() / 2] ^= 1;
  ci.folder.write("altered", altered);
  CHECK(host.tunectl({"import", ci.folder / "altered", "--allow-untrusted"}).exitCode == 1);
  const auto folder = host.tunectl({"import", ci.folder / "", "--allow-untrusted"});
  CHECK(folder.exitCode == 1);
  CHECK_MESSAGE(contains(folder.errors, "is a folder"), folder.errors);
  auto client = host.connect();
  CHECK(client.status()->builds == 0);
  CHECK(client.request("POST", "/v1/bundle", read(bundle)).error().kind == ErrorKind::Denied);
  CHECK(client.request("POST", "/v1/bundle?allow_untrusted=1", read(bundle)).error().kind ==
        ErrorKind::InvalidInput);
  CHECK(client.request("POST", "/v1/bundle?allow_untrusted=true", altered).error().kind ==
        ErrorKind::InvalidInput);
  CHECK(client.request("GET", "/v1/bundle").error().kind == ErrorKind::NotFound); // nothing to export

  const auto taken = host.tunectl({"import", bundle, "--trust", key + ".pub"});
  CHECK_MESSAGE(taken.exitCode == 0, taken.errors);
  CHECK_MESSAGE(contains(taken.output, "6 new builds"), taken.output);
  for (int i = 0; i < 1200 && counter(client, "gpu_tuned_jobs_done_total") < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(client.status()->winners == 2);
  CHECK(counter(client, "gpu_tuned_builds_made_total") == 0);
  const auto again = host.tunectl({"import", bundle, "--trust", key + ".pub"});
  CHECK_MESSAGE(contains(again.output, "was imported before"), again.output);

  // The daemon's cache by its name, too; signed here, by a key that the daemon never sees.
  const std::string measured = ci.folder / "measured", half = ci.folder / "half";
  const auto given = host.tunectl(
      {"export", measured, "--cache", host.folder() / "cache", "--key", key, "--kernel", "built"});
  CHECK_MESSAGE(given.exitCode == 0, given.errors);
  const json shown = ci.runJson({"show", measured});
  CHECK(shown["builds"] == 6);
  CHECK(shown["measurements"] == 6);
  CHECK(shown["signer"].get<std::string>().size() == 64);
  CHECK(ci.runJson({"verify", measured})["sound"] == true);
  CHECK(host.tunectl({"export", half, "--kernel", "no such kernel"}).exitCode == 1);
  CHECK(host.tunectl({"export", half, "--target", "sm_80"}).exitCode == 1);
  CHECK_FALSE(std::filesystem::exists(half));
  // Without its socket there is nobody to ask: who has the cache is said.
  const auto gc = ci.run({"gc", "--max-age", "1d", "--cache", host.folder() / "cache"});
  CHECK(gc.exitCode == 1);
  CHECK_MESSAGE(contains(gc.errors, "stop that daemon"), gc.errors);

  // Older than the last of its signer.
  host.stop(SIGTERM);
  const std::string there = host.folder() / "cache";
  CHECK(ci.runJson({"import", measured, "--cache", there, "--trust", key + ".pub"})["builds"] == 0);
  host.start();
  CHECK(host.tunectl({"import", bundle, "--trust", key + ".pub"}).exitCode == 5);
  CHECK(host.tunectl({"import", bundle, "--trust", key + ".pub", "--allow-older"}).exitCode == 0);
}

TEST_CASE("a running daemon checks its cache and drops binaries when it is asked to") {
  Machine ci;
  const std::string cache = ci.folder / "ci", bundle = ci.folder / "b";
  CHECK(ci.prewarm("m.json", cache, {"--target", "cpu"})["compiled"] == 6);
  ci.runJson({"export", bundle, "--cache", cache});
  DaemonProcess host;
  REQUIRE(host.tunectl({"pause"}).exitCode == 0); // what comes stays unmeasured
  REQUIRE(host.tunectl({"import", bundle, "--allow-untrusted"}).exitCode == 0);
  const auto told = [&](std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const auto finished = host.tunectl(arguments);
    CHECK_MESSAGE(finished.exitCode == 0, finished.errors);
    return json::parse(finished.output, nullptr, false);
  };
  json check = told({"verify"});
  CHECK(check["sound"] == true);
  CHECK(check["builds"] == 6);
  CHECK(check["binaries"] == 6);
  CHECK(told({"verify", bundle})["builds"] == 6); // a file is nobody's cache
  CHECK(host.tunectl({"gc", "--max-age", "soon"}).exitCode == 2);
  const auto nothing = host.tunectl({"gc"});
  CHECK(nothing.exitCode == 1);
  CHECK_MESSAGE(contains(nothing.errors, "--max-size"), nothing.errors);
  CHECK(told({"gc", "--max-size", "1G", "--max-age", "1d"})["binaries"] == 0);
  CHECK(told({"gc", "--max-size", "0"})["binaries"] == 0); // not measured yet: these go only by age
  const json gone = told({"gc", "--max-age", "0", "--cache", host.folder() / "cache"});
  CHECK(gone["binaries"] == 6);
  CHECK(gone["bytes"] > 0);
  check = told({"verify"});
  CHECK(check["binaries"] == 0);
  CHECK(check["binaries_collected"] == 6);
  auto client = host.connect();
  CHECK(client.request("POST", "/v1/collect", "{}").error().kind == ErrorKind::InvalidInput);
  CHECK(client.request("POST", "/v1/collect", R"({"max_bytes": -1})").error().kind ==
        ErrorKind::InvalidInput);
  CHECK(client.request("POST", "/v1/collect", R"({"max_age": 1})").error().kind == ErrorKind::InvalidInput);
  CHECK(client.request("POST", "/v1/verify", R"({"quick": true})").error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("what CI runs: built, timed where there is a device, signed, compared with the last run's") {
  Machine ci;
  const std::string key = ci.folder / "key";
  ci.runJson({"key", "new", key});
  const auto job = [&](std::vector<std::string> variables, const std::string& bundle,
                       const std::string& before = {}) {
    // A machine that has nothing else: no home, no socket, no daemon.
    std::vector<std::string> command = {"/usr/bin/env",
                                        "-i",
                                        "PATH=/usr/bin:/bin",
                                        "HOME=" + (ci.folder / "home"),
                                        "TUNECTL=" + program("tunectl"),
                                        "PREWARM_TARGETS=cpu",
                                        "PREWARM_CACHE=" + (ci.folder / "cache"),
                                        "PREWARM_KEY=" + read(key)};
    command.insert(command.end(), variables.begin(), variables.end());
    command.insert(command.end(), {"bash", std::string(TUNED_CONFIGS) + "/ci/prewarm.sh",
                                   ci.folder / "m.json", ci.folder / bundle});
    if (!before.empty()) command.push_back(ci.folder / before);
    auto finished = tunectl::runProgram(command, 500);
    REQUIRE_MESSAGE(finished.has_value(), (finished ? "" : finished.error().text()));
    return *finished;
  };
  const auto first = job({}, "first");
  CHECK_MESSAGE(first.exitCode == 0, first.output << first.errors);
  CHECK(contains(first.output, "6 compiled"));
  const auto second = job({}, "second", "first");
  CHECK_MESSAGE(second.exitCode == 0, second.output << second.errors);
  CHECK_MESSAGE(contains(second.output, ": 0 compiled"), second.output);
  CHECK_MESSAGE(contains(second.output, " 6 known"), second.output);
  CHECK(read(ci.folder / "first") == read(ci.folder / "second"));
  CHECK(ci.runJson({"show", ci.folder / "second"})["signer"].get<std::string>().size() == 64);

  const auto timed = job({"PREWARM_DEVICE=cpu", "PREWARM_MAX_REGRESSION=5"}, "timed", "second");
  CHECK_MESSAGE(timed.exitCode == 0, timed.output << timed.errors);
  CHECK(contains(timed.output, "2 of 2 problems tuned"));
  CHECK(ci.runJson({"show", ci.folder / "timed"})["measurements"] == 6);

  // A kernel that compiles no more fails the job.
  json broken = document("built", elementwise(storeScaled(61)));
  broken["parameters"]["BLOCK_SIZE"] = {48, 64};
  broken["default"]["BLOCK_SIZE"] = 64;
  ci.folder.write("built.json", broken.dump());
  const auto failing = job({}, "failing", "timed");
  CHECK(failing.exitCode == 1);
  CHECK_MESSAGE(contains(failing.output + failing.errors, "48"), failing.output << failing.errors);
}

TEST_CASE("what ends a run is told by its exit status: all there, something failed, the budget") {
  Machine ci;
  json broken = document("broken", elementwise(storeScaled(59)));
  broken["parameters"]["BLOCK_SIZE"] = {48, 64}; // no power of two
  broken["default"]["BLOCK_SIZE"] = 64;
  ci.folder.write("broken.json", broken.dump());
  ci.manifest("broken_m.json", "broken.json", "n_elements");
  const json failed = ci.prewarm("broken_m.json", ci.folder / "c", {"--target", "cpu"}, 1);
  REQUIRE(failed["failures"].size() == 2);
  CHECK(failed["failures"][0]["configuration"] == "{\"BLOCK_SIZE\":48}");
  CHECK(contains(failed["failures"][0]["reason"], "48"));
  const json ended = ci.prewarm("m.json", ci.folder / "d", {"--target", "cpu", "--budget", "0.001"}, 75);
  CHECK(ended["complete"] == false);
  CHECK(ci.prewarm("m.json", ci.folder / "d", {"--target", "cpu"})["complete"] == true);
  const auto unknown = ci.run(
      {"prewarm", ci.folder / "m.json", "--compile-only", "--target", "sm_91", "--cache", ci.folder / "e"});
  CHECK(unknown.exitCode == 1);
  CHECK(contains(unknown.errors, "choose among sm_80"));
}

TEST_CASE("CUDA C++ that takes minutes is ended at its deadline, and the rest is built") {
  Machine ci;
  std::string source = "#define A0 v = v * 3u + i; i ^= v;\n";
  for (int i = 1; i <= 6; ++i) { // 2^20 statements and more
    source += "#define A" + std::to_string(i);
    for (int k = 0; k < 10; ++k)
      source += " A" + std::to_string(i - 1);
    source += "\n";
  }
  source += "extern \"C\" __global__ void kernel(unsigned *y) {\n  unsigned i = threadIdx.x, v = i;\n"
            "#if B == 32\n  A6 A6\n#endif\n  y[i] = v;\n}\n";
  const json document = {
      {"name", "slow"},
      {"language", "cuda"},
      {"entry", "kernel"},
      {"source_text", source},
      {"sizes", {"n"}},
      {"parameters", {{"B", {32, 64}}}},
      {"grid", {1}},
      {"block", {"B"}},
      {"default", {{"B", 64}}},
      {"arguments", {{{"name", "y"}, {"type", "*i32"}, {"shape", {"n"}}, {"output", true}}}}};
  ci.folder.write("slow.json", document.dump());
  ci.manifest("slow_m.json", "slow.json", "n");
  json report;
  // A machine that gives a compiler no time may end what is small with the rest: then all have more.
  for (int seconds = 5; seconds < 60; seconds *= 3) {
    const auto finished =
        ci.run({"prewarm", ci.folder / "slow_m.json", "--compile-only", "--target", "sm_90a", "--cache",
                ci.folder / std::to_string(seconds), "--compile-seconds", std::to_string(seconds), "--json"});
    report = json::parse(finished.output, nullptr, false);
    REQUIRE_MESSAGE(report.is_object(), finished.errors);
    if (contains(report.dump(), "NVRTC")) return; // there is none here, and the failures say so
    CHECK(finished.exitCode == 1);
    if (report["failures"].size() <= 2) break;
  }
  REQUIRE(report["failures"].size() == 2);
  for (const json& failure : report["failures"]) {
    CHECK(failure["configuration"] == "{\"B\":32}");
    CHECK(failure["outcome"] == "timed_out");
  }
  CHECK(report["compiled"] == 4);
}

TEST_CASE("a folder without a cache is not made one by looking at it") {
  Machine ci;
  const std::string nowhere = ci.folder / "nowhere";
  for (const char* verb : {"verify", "gc"}) {
    const auto finished = ci.run({verb, "--cache", nowhere});
    CHECK(finished.exitCode == 1);
    CHECK(contains(finished.errors, "there is no cache in " + nowhere));
  }
  CHECK(ci.run({"export", ci.folder / "b", "--cache", nowhere}).exitCode == 1);
  CHECK_FALSE(std::filesystem::exists(nowhere));
}
