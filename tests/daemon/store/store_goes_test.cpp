// What is forgotten, collected or too old goes, and what an answer rests on stays.
#include "tests/daemon/store/store_support.h"

using namespace tuned;
using namespace tuned::store;
using namespace tuned::test;

TEST_CASE("forgetting takes a winner, a device or a kernel") {
  Scratch folder;
  auto store = filled(folder.path());
  const ProblemKey other{"kernel-1", R"({"n":8192})", "target-1"};
  REQUIRE(store->addMeasurement(timed(put(*store, buildKey(2, other), "other"), 1)));
  CHECK(store->forget({"softmax", other.sizes, ""})->measurements == 1);
  CHECK(store->choose(other, {}).error().kind == ErrorKind::NotFound);
  CHECK(store->choose(problem, {}));
  CHECK(store->forget({"softmax", "", "cpu"})->measurements == 0);
  CHECK(store->forget({"softmax", "", "cuda:0"})->measurements == 3);
  CHECK(store->build(buildKey(2))); // the build is not the device's
  CHECK(store->document("softmax"));
  const auto gone = store->forget({"softmax", "", ""});
  REQUIRE(gone);
  CHECK(gone->builds == 3);
  CHECK(gone->documents == 1);
  CHECK(store->document("softmax").error().kind == ErrorKind::NotFound);
}

TEST_CASE(
    "a kernel of many sizes is forgotten in slices; cut short by the daemon's end it can be named again") {
  Scratch folder;
  auto store = filled(folder.path());
  constexpr int64_t sizes = 200; // in slices of 32
  REQUIRE(store->batch([&]() -> Result<void> {
    for (int64_t n = 1; n <= sizes; ++n) {
      const ProblemKey at{problem.kernel, R"({"n":)" + std::to_string(n) + "}", problem.target};
      auto added = store->addMeasurement(timed(put(*store, buildKey(2, at), std::to_string(n)), 1));
      if (!added) return fail(added.error());
    }
    return {};
  }));
  const auto before = store->counts();
  const auto cut = store->forget({"softmax", "", ""}, [asked = 0]() mutable { return asked++ >= 2; });
  REQUIRE_FALSE(cut);
  CHECK(cut.error().kind == ErrorKind::Unavailable);
  const auto left = store->counts();
  CHECK(left->measurements < before->measurements);
  CHECK(left->measurements > 0);
  CHECK(store->document("softmax"));
  const auto rest = store->forget({"softmax", "", ""});
  REQUIRE(rest);
  CHECK(rest->measurements == left->measurements);
  CHECK(rest->documents == 1);
  CHECK(store->counts()->measurements == 0);
}

TEST_CASE("binaries that won nothing are collected, oldest first; finalists and what others brought stay") {
  Scratch folder;
  auto store = filled(folder.path());
  MeasurementRecord finalist = timed(store->build(buildKey(2))->id, 3e-3);
  finalist.finalist = true;
  REQUIRE(store->addMeasurement(finalist));
  put(*store, buildKey(64, problem, "triton"), "from elsewhere");
  put(*store, buildKey(32), "not measured yet");
  CHECK(store->collect(int64_t{1} << 30, 0)->artefacts == 0);
  const auto gone = store->collect(0, 0);
  REQUIRE(gone);
  CHECK(gone->artefacts == 1);
  CHECK(gone->bytes == 5000);
  CHECK(store->artefact(sha256(std::string(5000, 'y'))).error().kind == ErrorKind::NotFound);
  CHECK(store->artefact(sha256(std::string(5000, 'x'))));
  CHECK(store->artefact(sha256("from elsewhere")));
  CHECK(store->build(buildKey(4))->build.built()); // it stays known
  CHECK(store->collect(0, 4e9)->artefacts == 2);   // by age all but finalists go
}

TEST_CASE(
    "builds of others have bytes of their own: the oldest go with their rows, finalists and ours stay") {
  Scratch folder;
  auto store = filled(folder.path());
  const auto ours = store->counts()->artefacts;
  const std::string bytes(100'000, 'b');
  const auto bring = [&](int64_t number, const std::string& origin) {
    return put(*store, buildKey(number, problem, origin), bytes + std::to_string(number));
  };
  for (int64_t i = 0; i < 100; ++i)
    bring(i, "others 1.0");
  CHECK(*store->foreignBuildsBeside(buildKey(100, problem, "others 1.0")) == 100);
  CHECK(*store->foreignBuildsBeside(buildKey(99, problem, "others 1.0")) == 99);
  CHECK(*store->foreignBuildsBeside(buildKey(1, {"kernel-2", problem.sizes, problem.target})) == 0);
  auto winner =
      timed(*store->putBuild(buildKey(0, problem, "others 1.0"), buildOf(bytes + "0"), bytes + "0"), 1e-4);
  winner.finalist = true;
  REQUIRE(store->addMeasurement(winner));
  auto loser =
      timed(*store->putBuild(buildKey(1, problem, "others 1.0"), buildOf(bytes + "1"), bytes + "1"), 1);
  REQUIRE(store->addMeasurement(loser));

  CHECK(store->collectForeign(100 * 100'100)->artefacts == 0);
  CHECK(store->collectForeign(0, [] { return true; }).error().kind == ErrorKind::Unavailable);
  const auto gone = store->collectForeign(20 * 100'100);
  REQUIRE(gone);
  CHECK(gone->artefacts == 80);
  CHECK(gone->builds == 80);
  CHECK(store->artefact(sha256(bytes + "0"))); // the finalist
  CHECK_FALSE(store->artefact(sha256(bytes + "2")));
  CHECK(store->artefact(sha256(bytes + "99")));
  CHECK(*store->foreignBuildsBeside(buildKey(100, problem, "others 1.0")) == 20);
  CHECK(store->counts()->artefacts == ours + 20);
  // A small one counts, too: its row has a size.
  for (int64_t i = 0; i < 100; ++i)
    put(*store, buildKey(i, problem, "small 1.0"), "b" + std::to_string(i));
  CHECK(store->collectForeign(50 * 16 * 1024)->builds > 0);
  CHECK(*store->foreignBuildsBeside(buildKey(100, problem, "others 1.0")) <= 52);
  // What is left of the loser goes with its measurement.
  store->collectForeign(0);
  REQUIRE(store->build(loser.build.id));
  REQUIRE(store->collectHistory(0, 4e9));
  CHECK_FALSE(store->build(loser.build.id));
  CHECK(store->build(winner.build.id));
}

TEST_CASE("what no answer rests on has an age and a size; what won stays") {
  Scratch folder;
  auto store = filled(folder.path());
  const auto add = [&](int64_t block, double created, bool finalist, const ProblemKey& of = problem) {
    MeasurementRecord record = timed(put(*store, buildKey(block, of), "b" + std::to_string(block)),
                                     1e-3 * static_cast<double>(block));
    record.finalist = finalist;
    record.created = created;
    REQUIRE(store->addMeasurement(record));
  };
  const ProblemKey undecided{"kernel-1", R"({"n":2})", "target-1"};
  add(8, 1000, true);
  for (int64_t block : {16, 32, 64})
    add(block, 1000 + static_cast<double>(block), false);
  add(8, 1000, false, undecided); // nobody is a finalist there: what stands is the answer
  for (const auto& [id, state, created] :
       {std::tuple("old", "done", 1000.0), {"waits", "queued", 1000.0}, {"new", "failed", 3e9}}) {
    JobRecord job{id, state, "{}", ""};
    job.created = created;
    REQUIRE(store->putJob(job));
  }
  const auto before = store->counts();
  CHECK(store->collectHistory(1000, 500)->measurements == 0);

  // By age: 16 and 32, of which no build is known any more.
  const auto aged = store->collectHistory(1000, 1050);
  REQUIRE(aged);
  CHECK(aged->measurements == 2);
  CHECK(aged->jobs == 1);
  CHECK(store->unfinishedJobs()->size() == 1);
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 8);
  CHECK(store->choose(undecided, {})->measurement.configuration.at("B") == 8);

  // By size: all that may go goes before a winner does.
  const auto shrunk = store->collectHistory(1, 0);
  REQUIRE(shrunk);
  CHECK(shrunk->measurements == before->measurements - 4);
  CHECK(shrunk->jobs == 1);
  CHECK(store->counts()->measurements == 2);
  CHECK(store->unfinishedJobs()->size() == 1);
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 8);
  CHECK(store->choose(undecided, {}));

  // What is left of them goes with its age, too.
  CHECK(store->collectHistory(1, 4e9)->builds > 0);
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 8);
  CHECK(store->build(buildKey(64)).error().kind == ErrorKind::NotFound);
}

TEST_CASE("a collection looks at what stays once, however much of it is older than what goes") {
  Scratch folder;
  auto store = filled(folder.path());
  constexpr int64_t kept = 5000, losers = 640;
  MeasurementRecord winner = timed(store->build(buildKey(2))->id, 1e-3);
  winner.finalist = true; // the others are history
  REQUIRE(store->addMeasurement(winner));
  REQUIRE(store->batch([&]() -> Result<void> {
    for (int64_t i = 0; i < kept + losers; ++i) {
      const int64_t id =
          put(*store, buildKey(1000 + i, problem, i < kept ? "triton" : ""), std::to_string(i));
      if (i < kept) continue;
      if (auto added = store->addMeasurement(timed(id, 1)); !added) return fail(added.error());
    }
    return {};
  }));
  const int64_t before = store->counts()->artefacts;
  // In slices of 512 that are looked at and of 64 that go: a slice that looked at all that stays, and at each
  // turn again, would ask once for each 64 that go.
  int64_t asked = 0, most = 0, last = before;
  const auto gone = store->collect(0, 0, [&] {
    const int64_t left = store->counts()->artefacts;
    most = std::max(most, last - left);
    last = left;
    return ++asked > 1000;
  });
  REQUIRE(gone);
  CHECK(gone->artefacts >= losers);
  CHECK(before - store->counts()->artefacts == gone->artefacts);
  CHECK(most <= 64);
  CHECK(asked >= kept / 512 + losers / 64);
  CHECK(store->artefact(sha256(std::to_string(kept - 1))));
  CHECK(store->artefact(sha256(std::to_string(kept))).error().kind == ErrorKind::NotFound);
}

TEST_CASE("a collection that the daemon's end breaks off says so; what went stays gone, the rest waits") {
  Scratch folder;
  auto store = filled(folder.path());
  MeasurementRecord winner = timed(store->build(buildKey(2))->id, 1e-3);
  winner.finalist = true; // the others are history
  REQUIRE(store->addMeasurement(winner));
  constexpr int64_t binaries = 300; // in slices of 64
  REQUIRE(store->batch([&]() -> Result<void> {
    for (int64_t i = 0; i < binaries; ++i) {
      auto kept = store->addMeasurement(timed(put(*store, buildKey(1000 + i), std::to_string(i)), 1));
      if (!kept) return fail(kept.error());
    }
    return {};
  }));
  const auto after = [](int questions) {
    return [questions, asked = 0]() mutable { return asked++ >= questions; };
  };
  const auto all = store->counts();
  CHECK(store->collect(0, 0, after(0)).error().kind == ErrorKind::Unavailable);
  CHECK(store->counts()->artefacts == all->artefacts);
  CHECK(store->collect(0, 0, after(3)).error().kind == ErrorKind::Unavailable);
  const int64_t left = store->counts()->artefacts;
  CHECK(left < all->artefacts);
  CHECK(left > 0);
  CHECK(store->collect(0, 0, after(100))->artefacts == left - 1);

  constexpr double later = 4e9;
  CHECK(store->collectHistory(1, later, after(0)).error().kind == ErrorKind::Unavailable);
  CHECK(store->counts()->measurements == all->measurements);
  CHECK(store->collectHistory(1, later, after(1)).error().kind == ErrorKind::Unavailable);
  CHECK(store->counts()->measurements < all->measurements);
  CHECK(store->counts()->builds == all->builds); // their turn had not come
  CHECK(store->collectHistory(1, later, after(100))->builds > 0);
}

TEST_CASE("a kernel that is forgotten by its name leaves no text behind") {
  Scratch folder;
  auto store = openAt(folder.path());
  const DocumentRecord relu = document("kernel-1", "relu", "alice");
  REQUIRE(store->putDocument(relu));
  CHECK(store->forget({"relu", "", ""})->documents == 1);
  CHECK(store->document(relu.sha).error().kind == ErrorKind::NotFound);
  REQUIRE(store->putDocument(relu)); // under the same hash
  CHECK(store->held("alice")->documents == 1);
}
