// Building ahead: everything once, nothing twice, and on where it was stopped. The worker only pretends.
#include "daemon/prewarm/codes.h"
#include "daemon/prewarm/queue.h"
#include "daemon/prewarm/run.h"
#include "daemon/service/answers/convert.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <unistd.h>

using namespace tuned;
using namespace tuned::prewarm;

namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("tuned-prewarm-" + std::to_string(getpid()));
  Folder() {
    std::filesystem::create_directories(path);
    nlohmann::json document = {
        {"name", "k"},
        {"entry", "k"},
        {"source_text", "module {}"},
        {"sizes", {"n"}},
        {"parameters", {{"B", {1, 2, 3, 4, 5, 6, 7, 8}}}},
        {"constraints", {"B != 3 || n > 100", "B != 4 || n > 200"}},
        {"arguments", {{{"name", "x"}, {"type", "*f32"}, {"shape", {"n"}}, {"output", true}}}},
        {"grid", {1}},
        {"default", {{"B", 7}}},
        {"target_defaults", {{"sm_80", {{"B", 2}}}}}};
    std::ofstream(path / "k.json") << document.dump();
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

Manifest manifest(const Folder& folder, const nlohmann::json& sizes, int64_t configurations = 0) {
  nlohmann::json text = {{"name", "m"}, {"kernels", {{{"kernel", "k"}, {"sizes", {{"n", sizes}}}}}}};
  auto out = parseManifest(text.dump(), folder / "m.json", {});
  REQUIRE_MESSAGE(out, out.error().text());
  out->configurations = configurations;
  return *out;
}

Plan planOf(const Manifest& manifest, const std::vector<std::string>& targets = {"sm_80", "sm_90a"}) {
  auto toolchain = findToolchain(PREWARM_WORKER);
  REQUIRE_MESSAGE(toolchain, toolchain.error().text());
  auto plan = makePlan(manifest, targets, *toolchain);
  REQUIRE_MESSAGE(plan, plan.error().text());
  return *plan;
}

Report go(const Folder& folder, const Plan& plan, RunOptions options = {}, std::stop_token stop = {}) {
  auto store = store::Store::open(folder / "cache");
  REQUIRE_MESSAGE(store, store.error().text());
  options.worker = PREWARM_WORKER;
  auto report = run(**store, plan, options, {}, stop);
  REQUIRE_MESSAGE(report, report.error().text());
  return *report;
}

} // namespace

TEST_CASE("everything is built once; a second run builds nothing and takes no time") {
  Folder folder;
  Plan plan = planOf(manifest(folder, {8, 16, 150}));
  CHECK(plan.items.size() == 2 * (6 + 6 + 7));
  Report first = go(folder, plan);
  CHECK(first.ended);
  CHECK(first.compiled == first.builds);
  // What the workers took is in it: B=5 takes 0.2 s of a processor each, for three sizes and two targets.
  CHECK(first.coresBusy * first.seconds * std::thread::hardware_concurrency() > 1.19);
  REQUIRE(first.coresIdle.has_value());
  CHECK(*first.coresIdle >= 0);
  CHECK(*first.coresIdle <= 1);
  REQUIRE(first.failures.size() == 2); // B=3 where n > 100, for both targets
  CHECK(first.failures[0].reason.find("no such instruction") != std::string::npos);
  CHECK(first.failures[0].kernel == "k");
  Report second = go(folder, plan);
  CHECK(second.compiled == 0);
  CHECK(second.known == second.builds);
  CHECK(second.failures.size() == 2);
}

TEST_CASE("code that two configurations have is made once, and both have their build") {
  Folder folder;
  const Plan plan = planOf(manifest(folder, {77, 78}));
  for (const int slots : {1, 4}) {
    std::filesystem::remove_all(folder / "cache");
    RunOptions options;
    options.slots = slots;
    const Report report = go(folder, plan, options);
    CHECK(report.ended);
    CHECK(report.compiled == report.builds);
    CHECK(report.shared == 2); // of n = 77, one a target
    CHECK(report.failures.empty());
    auto store = store::Store::open(folder / "cache");
    REQUIRE(store);
    std::map<std::string, std::set<std::string>> made; // binaries by problem, of B=7 and B=8
    for (const Item& item : plan.items) {
      const auto build = (*store)->build(item.key());
      REQUIRE(build);
      if (item.configuration.at("B") < 7) continue;
      made[item.problem->compileTarget + " " + toKey(item.problem->sizes)].insert(build->build.artefact);
    }
    CHECK(made.size() == 4);
    for (const auto& [problem, binaries] : made)
      CHECK_MESSAGE(binaries.size() == (problem.ends_with("77}") ? 1 : 2), problem);
  }
}

TEST_CASE("what waits for others with the same code is bounded") {
  Codes codes(100);
  tuned::Problem one, two;
  for (int i = 0; i < 2; ++i) {
    codes.expect(one);
    codes.expect(two);
  }
  const auto make = [](SameCode& same, const std::string& code, size_t bytes) {
    Artefact artefact;
    artefact.bytes.assign(bytes, 'x');
    REQUIRE(same.begin(code));
    same.end(code, std::make_shared<Artefact>(std::move(artefact)));
  };
  make(codes.of(one), "code", 60);
  codes.ended(one);
  CHECK_FALSE(codes.of(one).begin("code"));
  CHECK(codes.bytes() == 60);
  make(codes.of(two), "code", 60);
  codes.ended(two); // 120 bytes are too many
  CHECK(codes.bytes() == 0);
  make(codes.of(one), "code", 30);
  codes.ended(one); // its last
  CHECK(codes.bytes() == 0);
  codes.ended(two);
  CHECK(codes.bytes() == 0);
}

TEST_CASE("what does not fit the device is no failure") {
  Folder folder;
  Report report = go(folder, planOf(manifest(folder, 300), {"sm_80"}));
  CHECK(report.tooLarge == 1);
  CHECK(report.failures.size() == 1);
  CHECK(report.ended);
}

TEST_CASE("a budget ends a run in order, and the next goes on") {
  Folder folder;
  Plan plan = planOf(manifest(folder, {8, 9, 10, 11, 12, 13, 14, 15}));
  RunOptions options;
  options.budget = 0.5; // all take two workers 4 s and more; a busy machine may make none
  options.slots = 2;
  Report first = go(folder, plan, options);
  CHECK_FALSE(first.ended);
  CHECK(first.compiled < first.builds);
  Report second = go(folder, plan);
  CHECK(second.ended);
  CHECK(second.known == first.compiled);
  std::stop_source stopped;
  stopped.request_stop();
  Folder other;
  CHECK(go(other, planOf(manifest(other, 8)), {}, stopped.get_token()).compiled == 0);
}

TEST_CASE("some of a space: the default and others spread over it") {
  std::vector<Configuration> all;
  for (int64_t i = 0; i < 100; ++i)
    all.push_back({{"B", i}});
  auto some = chosen(all, {{"B", 77}}, 10);
  CHECK(some.size() == 10);
  CHECK(std::ranges::find(some, Configuration{{"B", 77}}) != some.end());
  CHECK(some.front().at("B") == 0);
  CHECK(some.back().at("B") >= 80);
  CHECK(chosen(all, {{"B", 77}}, 0).size() == 100);
  CHECK(chosen(all, {{"B", 500}}, 1000).size() == 100);
  CHECK(chosen(all, {{"B", 3}}, 1) == std::vector<Configuration>{{{"B", 3}}});
  for (int64_t i = 0; i < 100; ++i)
    all.push_back({{"B", i}, {"compiler", 1}});
  CHECK(chosen(all, {{"B", 3}}, 2) ==
        std::vector<Configuration>{{{"B", 3}}, {{"B", 3}, {"compiler", 1}}}); // the default by each
  CHECK(chosen(all, {{"B", 3}}, 1) == std::vector<Configuration>{{{"B", 3}}});
}

TEST_CASE("one of a space is the default of the target that it is built for") {
  Folder folder;
  const Plan plan = planOf(manifest(folder, 150, 1));
  REQUIRE(plan.items.size() == 2);
  for (const Item& item : plan.items)
    CHECK(item.configuration.at("B") == (item.problem->compileTarget == "sm_80" ? 2 : 7));
}

TEST_CASE("every compiler's builds are made, the slow ones first; what a second one refuses is no failure") {
  Folder folder;
  auto toolchain = findToolchain(PREWARM_WORKER);
  REQUIRE(toolchain);
  CHECK(toolchain->gpu.empty()); // the worker does not say
  toolchain->gpu = {"nvptx", "tileir"};
  const Manifest problems = manifest(folder, 150);
  auto plan = makePlan(problems, {"sm_90a"}, *toolchain);
  REQUIRE_MESSAGE(plan, plan.error().text());
  CHECK(plan->items.size() == 2 * 7);
  Report report = go(folder, *plan);
  CHECK(report.ended);
  REQUIRE(report.failures.size() == 1); // B=3
  REQUIRE(report.refused.size() == 1);
  CHECK(report.refused[0].configuration.find("compiler") != std::string::npos);
  // A deadline says nothing of the kernel: that build alone is tried again, until it is there.
  REQUIRE(report.late.size() == 1);
  CHECK(report.late[0].configuration.find("\"B\":6") != std::string::npos);
  report = go(folder, *plan);
  CHECK(report.compiled == 1);
  CHECK(report.late.size() == 1);
  CHECK(report.refused.size() == 1);
  CHECK(report.ended);
  RunOptions longer;
  longer.compileSeconds = 120;
  report = go(folder, *plan, longer);
  CHECK(report.compiled == 1);
  CHECK(report.late.empty());
  CHECK(go(folder, *plan).compiled == 0);

  CHECK(keepCompilers(*toolchain, {}).has_value());
  REQUIRE(keepCompilers(*toolchain, {"nvptx"}).has_value());
  CHECK(makePlan(problems, {"sm_90a"}, *toolchain)->items.size() == 7);
  auto missing = keepCompilers(*toolchain, {"tileir"});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().text().find("doctor") != std::string::npos);
}

TEST_CASE("targets that are none, and no target at all; a worker that is not there") {
  Folder folder;
  auto toolchain = findToolchain(PREWARM_WORKER);
  REQUIRE(toolchain);
  Manifest problems = manifest(folder, 8);
  CHECK(makePlan(problems, {}, *toolchain).error().text().find("--target") != std::string::npos);
  for (const char* target : {"sm_", "gfx90a", "", "../sm_90a"})
    CHECK(makePlan(problems, {target}, *toolchain).error().kind == ErrorKind::InvalidInput);
  toolchain->gpuTargets = {"sm_80", "sm_90a"};
  auto unknown = makePlan(problems, {"sm_80", "sm_91"}, *toolchain);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().text().find("sm_80, sm_90a") != std::string::npos);
  CHECK(makePlan(problems, {"sm_90a"}, *toolchain));
  CHECK(makePlan(problems, {"cpu"}, *toolchain)->items.size() == 6);
  CHECK(findToolchain("/nonexistent/worker").error().kind == ErrorKind::Unavailable);
}

TEST_CASE("of one kind the build with the most elements a thread comes first") {
  auto problem = std::make_shared<tuned::Problem>();
  const auto item = [&](const Configuration& configuration) { return Item{problem, "k", configuration}; };
  const std::vector<Item> items = {item({{"BLOCK", 64}, {"num_warps", 4}}),
                                   item({{"BLOCK", 256}, {"num_warps", 4}, {"num_stages", 2}}),
                                   item({{"BLOCK", 256}, {"num_warps", 8}, {"num_stages", 4}}),
                                   item({{"BLOCK", 64}, {"num_warps", 4}, {"num_stages", 3}})};
  Queue queue;
  for (size_t i = 0; i < items.size(); ++i)
    queue.add(items[i], i);
  for (const size_t next : {1, 2, 0, 3}) // equals as they were added
    CHECK(queue.take() == next);
  CHECK_FALSE(queue.take());
}

TEST_CASE("one build of each kind comes first, then those of the kind that takes longest") {
  auto item = [](const std::string& kernel, const Configuration& configuration) {
    auto problem = std::make_shared<tuned::Problem>();
    problem->kernel = kernel;
    problem->compileTarget = "sm_90a";
    return Item{problem, kernel, configuration};
  };
  const std::vector<Item> items = {
      item("quick", {{"B", 1}}),        item("quick", {{"B", 2}}),
      item("long", {{"B", 1}}),         item("long", {{"B", 2}}),
      item("other", {{"compiler", 1}}), item("other", {{"compiler", 1}, {"B", 2}})};
  Queue queue;
  CHECK(queue.empty());
  for (size_t i = 0; i < items.size(); ++i)
    queue.add(items[i], i);
  CHECK(queue.take() == 5); // by a second compiler, and the heavier one
  CHECK(queue.take() == 3);
  CHECK(queue.take() == 1);
  queue.took(items[3], 3);
  queue.took(items[1], 0.1);
  CHECK(queue.take() == 4); // its first is not done: nobody knows how long that takes
  queue.took(items[5], 1);
  CHECK(queue.take() == 2);
  CHECK(queue.take() == 0);
  CHECK_FALSE(queue.take());
}
