// What the cache keeps, and what it chooses.
#include "tests/daemon/store/store_support.h"

using namespace tuned;
using namespace tuned::store;
using namespace tuned::test;

TEST_CASE("what is put is there after opening again") {
  Scratch folder;
  filled(folder.path());
  auto store = openAt(folder.path());
  auto winner = store->choose(problem, {});
  REQUIRE(winner);
  CHECK(winner->measurement.configuration == std::map<std::string, int64_t>{{"B", 4}});
  CHECK(winner->measurement.sizes == std::map<std::string, int64_t>{{"n", 4096}});
  CHECK(winner->measurement.device == "cuda:0");
  CHECK(winner->measurement.verdict.tolerance == Tolerance{1e-4, 1e-4});
  CHECK(winner->measurement.interval->high == doctest::Approx(1.1e-3));
  CHECK(winner->build.build.launch.block[0] == 128);
  CHECK(winner->build.build.launch.arguments.at(1).integer == 4096);
  auto kept = store->artefact(winner->build.build.artefact);
  REQUIRE(kept);
  CHECK(kept->bytes == std::string(5000, 'y'));
  CHECK(kept->format == "cubin");
  auto failed = store->build(buildKey(1));
  REQUIRE(failed);
  CHECK_FALSE(failed->build.built());
  CHECK(failed->build.reason == "no registers");
  CHECK(store->build(buildKey(99)).error().kind == ErrorKind::NotFound);
  CHECK(store->document("softmax")->kernel == "kernel-1");
  CHECK(store->document("nothing").error().kind == ErrorKind::NotFound);
  CHECK(store->counts()->measurements == 3);
  CHECK(store->counts()->winners == 1);
  CHECK(store->counts()->builds == 3);
}

TEST_CASE("every measurement is kept, and the last of each build is what stands") {
  Scratch folder;
  auto store = filled(folder.path());
  const int64_t build = store->build(buildKey(4))->id;
  REQUIRE(store->addMeasurement(timed(build, 5e-3)));
  CHECK(store->counts()->measurements == 4);
  CHECK(store->standing(problem)->size() == 3);
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 2);
  CHECK(store->measurements({"softmax", "", ""}, 10)->measurements.size() == 4);
  CHECK(store->measurements({"", "", "cpu"}, 10)->measurements.empty());
  CHECK(store->measurements({}, 1)->measurements.at(0).measurement.seconds == 5e-3);
  // What is history from the start changes nothing.
  MeasurementRecord aside = timed(build, 1e-9);
  aside.history = true;
  REQUIRE(store->addMeasurement(aside));
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 2);
}

TEST_CASE("finalists of the newest search count before what was timed alone") {
  Scratch folder;
  auto store = filled(folder.path());
  MeasurementRecord finalist = timed(store->build(buildKey(2))->id, 3e-3);
  finalist.finalist = true;
  finalist.search = 1;
  REQUIRE(store->addMeasurement(finalist));
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 2);
  auto asked = store->choose(problem, [](const MeasurementRecord& one) { return !one.finalist; });
  CHECK(asked->measurement.configuration.at("B") == 4);
  CHECK(store->choose(problem, [](const auto&) { return false; }).error().kind == ErrorKind::NotFound);
  // A finalist that failed stands for its build no more.
  finalist.measurement.outcome = "faulted";
  finalist.measurement.seconds.reset();
  REQUIRE(store->addMeasurement(finalist));
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 4);
}

TEST_CASE("what was given up early, and what was measured elsewhere, does not win") {
  Scratch folder;
  auto store = filled(folder.path());
  MeasurementRecord abandoned = timed(put(*store, buildKey(8), "abandoned"), 1e-6);
  abandoned.measurement.abandoned = true;
  REQUIRE(store->addMeasurement(abandoned));
  MeasurementRecord imported = timed(put(*store, buildKey(16), "imported"), 1e-6);
  imported.source = "ci.bundle";
  REQUIRE(store->addMeasurement(imported));
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 4);
  CHECK(store->standing(problem)->size() == 5);
}

TEST_CASE("a winner of another driver is found as stale, and only there") {
  Scratch folder;
  auto store = filled(folder.path());
  REQUIRE(store->putTarget({"target-2", "hardware-1", "cuda:0", "{}", ""}));
  ProblemKey upgraded = problem;
  upgraded.target = "target-2";
  CHECK(store->choose(upgraded, {}).error().kind == ErrorKind::NotFound);
  CHECK(store->chooseStale(upgraded, "hardware-1", {})->measurement.configuration.at("B") == 4);
  CHECK(store->chooseStale(upgraded, "hardware-2", {}).error().kind == ErrorKind::NotFound);
  CHECK(store->chooseStale(problem, "hardware-1", {}).error().kind == ErrorKind::NotFound);
}

TEST_CASE("near sizes are found by their product, and the same sizes are not among them") {
  Scratch folder;
  auto store = filled(folder.path());
  for (int64_t n : {8192, 16384, 1 << 20}) {
    const ProblemKey other{"kernel-1", R"({"n":)" + std::to_string(n) + "}", "target-1"};
    REQUIRE(store->addMeasurement(timed(put(*store, buildKey(n, other), "near" + std::to_string(n)), 1)));
  }
  auto found = store->near({"kernel-1", R"({"n":4096})", "target-1"}, 1);
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->at(0).measurement.sizes.at("n") == 8192);
  auto two = store->near({"kernel-1", R"({"n":9000})", "target-1"}, 2);
  REQUIRE(two);
  REQUIRE(two->size() == 2);
  CHECK(two->at(0).measurement.sizes.at("n") == 8192);
  CHECK(two->at(1).measurement.sizes.at("n") == 16384);
  CHECK(store->near({"kernel-2", R"({"n":4096})", "target-1"})->empty());
}

TEST_CASE("a name belongs to who gave it") {
  Scratch folder;
  auto store = openAt(folder.path());
  REQUIRE(store->putDocument(document("kernel-1", "relu", "alice")));
  REQUIRE(store->putDocument(document("kernel-1", "other", "bob")));
  CHECK(store->document("relu", "bob")->kernel == "kernel-1");
  // Another's kernel under the same name: each sees the own, strangers that of whoever came first.
  REQUIRE(store->putDocument(document("kernel-2", "relu", "bob", "2")));
  CHECK(store->document("relu", "alice")->kernel == "kernel-1");
  CHECK(store->document("relu", "bob")->kernel == "kernel-2");
  CHECK(store->document("relu", "carol")->kernel == "kernel-1");
  // One's own newer document replaces one's own.
  REQUIRE(store->putDocument(document("kernel-3", "relu", "alice", "3")));
  CHECK(store->document("relu", "alice")->kernel == "kernel-3");
  CHECK(store->document("relu", "bob")->kernel == "kernel-2");
  // By the hash of the text, whoever asks.
  const DocumentRecord exact = document("kernel-2", "relu", "bob", "2");
  CHECK(store->document(exact.sha, "alice")->text == exact.text);
  CHECK(store->documents()->size() == 3);
}

TEST_CASE("a text that lost its last name is gone, and what an owner holds is told") {
  Scratch folder;
  auto store = openAt(folder.path());
  const DocumentRecord first = document("kernel-1", "relu", "alice", " first"),
                       second = document("kernel-2", "relu", "alice", " second, longer");
  REQUIRE(store->putDocument(first));
  CHECK(store->held("alice")->documents == 1);
  CHECK(store->held("alice")->bytes == static_cast<int64_t>(first.text.size()));
  REQUIRE(store->putDocument(second));
  CHECK(store->document(first.sha).error().kind == ErrorKind::NotFound);
  CHECK(store->held("alice")->documents == 1);
  CHECK(store->held("alice")->bytes == static_cast<int64_t>(second.text.size()));
  CHECK(store->bytesNamed("relu", "alice") == static_cast<int64_t>(second.text.size()));
  CHECK(store->bytesNamed("relu", "bob") == 0);
  CHECK(store->held("bob")->documents == 0);
  // Another who has the same text keeps it.
  REQUIRE(store->putDocument(document("kernel-2", "relu", "bob", " second, longer")));
  REQUIRE(store->putDocument(first));
  CHECK(store->document(second.sha)->text == second.text);
}

TEST_CASE("lists come in pages, and all pages together are the list") {
  Scratch folder;
  auto store = filled(folder.path());
  for (int64_t n : {8192, 16384}) {
    const ProblemKey other{"kernel-1", R"({"n":)" + std::to_string(n) + "}", "target-1"};
    REQUIRE(store->addMeasurement(timed(put(*store, buildKey(n, other), "more" + std::to_string(n)), 1)));
  }
  std::vector<int64_t> whole, paged;
  const auto all = store->measurements({}, 100);
  REQUIRE(all);
  for (const auto& one : all->measurements)
    whole.push_back(one.id);
  REQUIRE(whole.size() > 2);
  CHECK(store->measurements({}, static_cast<int64_t>(whole.size()))->next == 0);
  for (int64_t before = 0;;) {
    const auto page = store->measurements({}, 2, before);
    REQUIRE(page);
    CHECK(page->measurements.size() <= 2);
    for (const auto& one : page->measurements)
      paged.push_back(one.id);
    if (page->next == 0) break;
    before = page->next;
  }
  CHECK(paged == whole);

  const auto decided = store->decided({}, 100);
  REQUIRE(decided);
  std::vector<ProblemKey> problems;
  for (DecidedPage::Place behind;;) {
    const auto page = store->decided({}, 1, behind);
    REQUIRE(page);
    REQUIRE(page->problems.size() == 1);
    problems.push_back(page->problems[0]);
    if (page->next.problem == 0) break;
    behind = page->next;
  }
  CHECK(decided->problems.size() == 3);
  CHECK(problems == decided->problems);

  for (const char* name : {"c", "a", "b"})
    for (const char* owner : {"alice", "bob"})
      REQUIRE(store->putDocument(document(std::string("kernel-") + name, name, owner)));
  std::string names;
  for (DocumentPage::Place behind;;) {
    const auto page = store->documentPage(behind, 1, 1 << 20);
    REQUIRE(page);
    REQUIRE(page->documents.size() == 1);
    names += page->documents[0].name + " ";
    if (page->next.sha.empty()) break;
    behind = page->next;
  }
  CHECK(names.starts_with("a b c "));
  CHECK(store->documentPage({}, 100, 1)->documents.size() == 1); // of more than one so many bytes
  CHECK(store->documentPage({"b", ""}, 100, 1 << 20)->documents.front().name == "b");
  CHECK(store->documentPage({"z", "none"}, 100, 1 << 20)->documents.empty());
}

TEST_CASE("of one kernel's documents the asker's own counts") {
  Scratch folder;
  auto store = openAt(folder.path());
  REQUIRE(store->putDocument(document("kernel-1", "relu", "alice", " strict")));
  REQUIRE(store->putDocument(document("kernel-1", "relu", "bob", " lax")));
  CHECK(store->document("kernel-1", "alice")->text == documentText("relu strict"));
  CHECK(store->document("kernel-1", "bob")->text == documentText("relu lax"));
  CHECK(store->document("kernel-1", "carol")->text == documentText("relu strict"));
}

TEST_CASE("searches say how they went, by the question they answered") {
  Scratch folder;
  auto store = filled(folder.path());
  CHECK(store->lastSearch(problem).error().kind == ErrorKind::NotFound);
  SearchRecord search{0, problem, "job", "document", "strict", "exhaustive", 12};
  search.id = *store->beginSearch(search);
  CHECK(store->lastSearch(problem).error().kind == ErrorKind::NotFound); // it has not ended
  search.tried = 12;
  search.failure = "all 12 variants failed";
  search.phases = {{"compile", 1.5}};
  REQUIRE(store->endSearch(search));
  CHECK(store->lastSearch(problem, "strict")->failure == "all 12 variants failed");
  CHECK(store->lastSearch(problem)->phases.at("compile") == 1.5);
  CHECK(store->lastSearch(problem, "lax").error().kind == ErrorKind::NotFound);
}

TEST_CASE("what is retired wins no more, and stays as history") {
  Scratch folder;
  auto store = filled(folder.path());
  CHECK(*store->retire(problem, 1) == 0);
  CHECK(*store->retire(problem, 4e9) == 3);
  CHECK(store->choose(problem, {}).error().kind == ErrorKind::NotFound);
  CHECK(store->standing(problem)->empty());
  CHECK(store->measurements({}, 10)->measurements.size() == 3);
}

TEST_CASE("a batch is one transaction: all of it or nothing") {
  Scratch folder;
  auto store = filled(folder.path());
  auto failed = store->batch([&]() -> Result<void> {
    put(*store, buildKey(128), "in the batch");
    return fail(ErrorKind::InvalidInput, "no");
  });
  CHECK(failed.error().message == "no");
  CHECK(store->build(buildKey(128)).error().kind == ErrorKind::NotFound);
  REQUIRE(store->batch([&]() -> Result<void> {
    put(*store, buildKey(128), "in the batch");
    put(*store, buildKey(256), "in the batch, too");
    return {};
  }));
  CHECK(store->build(buildKey(256)));
}

TEST_CASE("a measurement needs its build, a binary its hash") {
  Scratch folder;
  auto store = filled(folder.path());
  CHECK_FALSE(store->addMeasurement(timed(12345, 1)));
  CHECK_FALSE(store->putBuild(buildKey(512), buildOf("a"), "b"));
  CHECK(store->build(buildKey(512)).error().kind == ErrorKind::NotFound);
}

TEST_CASE("jobs that were acknowledged and not finished come back, oldest first") {
  Scratch folder;
  auto store = filled(folder.path());
  REQUIRE(store->putJob({"a", "queued", "{}", "", 0}));
  REQUIRE(store->putJob({"b", "queued", "{\"x\":1}", "", 0}));
  REQUIRE(store->putJob({"c", "queued", "{}", "", 0}));
  REQUIRE(store->setJob("a", "running", ""));
  REQUIRE(store->setJob("c", "done", ""));
  store.reset();
  store = openAt(folder.path());
  auto jobs = store->unfinishedJobs();
  REQUIRE(jobs->size() == 2);
  CHECK(jobs->at(0).id == "a");
  CHECK(jobs->at(1).request == "{\"x\":1}");
}

TEST_CASE("a second store on the same folder is refused") {
  Scratch folder;
  auto first = openAt(folder.path());
  auto second = Store::open(folder.path());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::Unavailable);
  first.reset();
  CHECK(Store::open(folder.path()).has_value());
}

TEST_CASE("problems with builds that load and no measurement are found in slices, by architecture") {
  Scratch folder;
  auto store = filled(folder.path());
  CHECK(store->unmeasured("sm_90a", problem.target, 0, 10)->empty());
  for (int64_t n = 1; n <= 5; ++n) {
    const ProblemKey other{problem.kernel, R"({"n":)" + std::to_string(n) + "}", problem.target};
    put(*store, buildKey(2, other), "binary " + std::to_string(n));
    put(*store, buildKey(4, other, "somebody else"), "theirs");
  }
  const auto first = store->unmeasured("sm_90a", problem.target, 0, 3);
  REQUIRE(first->size() == 3);
  CHECK(first->at(0).sizes == R"({"n":1})");
  const auto rest = store->unmeasured("sm_90a", problem.target, first->back().number, 3);
  REQUIRE(rest->size() == 2);
  CHECK(rest->back().sizes == R"({"n":5})");
  CHECK(store->unmeasured("sm_80", problem.target, 0, 10)->empty());
  CHECK(store->unmeasured("sm_90a", "target-2", 0, 10)->size() == 6);
  REQUIRE(store->putTarget({"upgraded", "hardware-1", "cuda:0", "{}", ""}));
  CHECK(store->unmeasured("sm_90a", "upgraded", 0, 10)->size() == 5); // what was measured is stale
  const int64_t build = store->build(buildKey(2, {problem.kernel, R"({"n":3})", ""}))->id;
  REQUIRE(store->addMeasurement(timed(build, 1e-3)));
  CHECK(store->unmeasured("sm_90a", problem.target, 0, 10)->size() == 4);
}

TEST_CASE("of a configuration's builds that load, the one of the present toolchain counts, else the newest") {
  Scratch folder;
  auto store = filled(folder.path());
  auto other = [&](const std::string& toolchain, int64_t configuration, const std::string& bytes) {
    BuildKey key = buildKey(configuration);
    key.toolchain = toolchain;
    put(*store, key, bytes);
  };
  other("toolchain-0", 2, "older assembler's");
  other("toolchain-0", 8, "first");
  other("toolchain-3", 8, "second");
  auto loadable = store->loadable(problem.kernel, problem.sizes, "sm_90a", "toolchain-1");
  REQUIRE(loadable->size() == 3); // the failure has no binary
  CHECK(loadable->at(0).key.configuration == block(2));
  CHECK(loadable->at(0).key.toolchain == "toolchain-1");
  CHECK(loadable->at(2).key.configuration == block(8));
  CHECK(loadable->at(2).key.toolchain == "toolchain-3");
  CHECK(store->loadable(problem.kernel, problem.sizes, "sm_120a", "toolchain-1")->empty());
}

TEST_CASE("what was made of a problem is told at once: built, without its binary, failed, damaged") {
  Scratch scratch;
  {
    auto store = filled(scratch.path());
    put(*store, buildKey(8), "eight");
    put(*store, buildKey(16, problem, "somebody 1.0"), "theirs");
    put(*store, buildKey(32), "damaged");
  }
  tamper(scratch.path(), "DELETE FROM artefacts WHERE size = 5");
  tamper(scratch.path(), R"(UPDATE builds SET sum = x'00' WHERE configuration = '{"B":32}')");
  auto store = openAt(scratch.path());
  auto made = store->made(problem.kernel, problem.sizes, "toolchain-1");
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().text()));
  REQUIRE(made->size() == 4);
  CHECK_FALSE(made->at(block(1)).built);
  CHECK(made->at(block(1)).failure.reason == "no registers");
  CHECK(made->at(block(2)).binary);
  CHECK(made->at(block(8)).built);
  CHECK_FALSE(made->at(block(8)).binary);
  CHECK(store->notices().size() == 1);
  CHECK(store->made(problem.kernel, problem.sizes, "another")->empty());
  CHECK(store->made(problem.kernel, problem.sizes, "toolchain-1")->size() == 4);
}
