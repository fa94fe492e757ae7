// What the cache keeps, and that it never gives back what is not what was kept.
#include "daemon/store/store.h"

#include "base/sha256.h"
#include "daemon/store/sqlite.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>
#include <fstream>

using namespace tuned;
using namespace tuned::store;
using tuned::test::Scratch;

namespace {

const ProblemKey problem{"kernel-1", R"({"n":4096})", "target-1"};

std::unique_ptr<Store> openAt(const std::string& folder) {
  auto store = Store::open(folder);
  REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().text()));
  return std::move(*store);
}

ArtefactRecord artefact(const std::string& bytes) {
  return {sha256(bytes), "cubin", "sm_90a", bytes};
}

/// A store with one kernel, one target, two trials and a winner.
std::unique_ptr<Store> filled(const std::string& folder, const std::string& bytes = std::string(5000, 'x')) {
  auto store = openAt(folder);
  REQUIRE(store->putKernel({"kernel-1", "softmax", "{}"}));
  REQUIRE(store->putTarget({"target-1", "hardware-1", "cuda:0", "{}"}));
  REQUIRE(store->addTrial(problem, {R"({"B":1})", "compile_failed", "no registers", {}, "{}"}));
  REQUIRE(store->addTrial(problem, {R"({"B":2})", "timed", "", 1e-3, R"({"k":1})"}));
  REQUIRE(store->putWinner(problem, R"({"B":2})", R"({"answer":2})", artefact(bytes)));
  return store;
}

/// Runs SQL on the closed file, as damage from outside.
void tamper(const std::string& folder, const char* sql) {
  Database database(folder + "/tuned.db");
  database.run(sql);
}

std::string onlyAside(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("tuned.db.corrupt-")) return entry.path().string();
  return "";
}

} // namespace

TEST_CASE("what is put is there after opening again") {
  Scratch folder;
  filled(folder.path());
  auto store = openAt(folder.path());
  auto winner = store->winner(problem);
  REQUIRE(winner);
  CHECK(winner->body == R"({"answer":2})");
  CHECK(winner->device == "cuda:0");
  auto kept = store->artefact(winner->artefact);
  REQUIRE(kept);
  CHECK(kept->bytes == std::string(5000, 'x'));
  CHECK(kept->format == "cubin");
  auto trials = store->trials(problem);
  REQUIRE(trials);
  REQUIRE(trials->size() == 2);
  CHECK(trials->at(0).reason == "no registers");
  CHECK_FALSE(trials->at(0).seconds.has_value());
  CHECK(trials->at(1).seconds.value() == 1e-3);
  CHECK(store->kernel("softmax")->id == "kernel-1");
  CHECK(store->kernel("nothing").error().kind == ErrorKind::NotFound);
  CHECK(store->counts()->trials == 2);
}

TEST_CASE("every trial is kept, and the last of each configuration is what is known") {
  Scratch folder;
  auto store = filled(folder.path());
  REQUIRE(store->addTrial(problem, {R"({"B":1})", "timed", "", 2e-3, "{}"}));
  CHECK(store->counts()->trials == 3);
  auto known = store->trials(problem);
  REQUIRE(known->size() == 2);
  CHECK(known->at(1).configuration == R"({"B":1})");
  CHECK(known->at(1).outcome == "timed");
  CHECK(store->listTrials("softmax", "", 10)->size() == 3);
  CHECK(store->listTrials("", "cpu", 10)->empty());
  CHECK(store->listTrials("", "", 1)->at(0).trial.outcome == "timed");
}

TEST_CASE("a winner of another driver is found as stale, and only there") {
  Scratch folder;
  auto store = filled(folder.path());
  REQUIRE(store->putTarget({"target-2", "hardware-1", "cuda:0", "{}"}));
  ProblemKey upgraded = problem;
  upgraded.target = "target-2";
  CHECK(store->winner(upgraded).error().kind == ErrorKind::NotFound);
  CHECK(store->staleWinner(upgraded, "hardware-1")->body == R"({"answer":2})");
  CHECK(store->staleWinner(upgraded, "hardware-2").error().kind == ErrorKind::NotFound);
  CHECK(store->staleWinner(problem, "hardware-1").error().kind == ErrorKind::NotFound);
}

TEST_CASE("an artefact that does not match its SHA-256 is dropped with its winner, and said so") {
  Scratch folder;
  filled(folder.path());
  tamper(folder.path(), "UPDATE artefacts SET compressed = "
                        "CAST(substr(compressed, 1, length(compressed) - 3) || x'000000' AS BLOB)");
  auto store = openAt(folder.path());
  auto sha = store->winner(problem)->artefact;
  CHECK(store->artefact(sha).error().kind == ErrorKind::NotFound);
  CHECK(store->winner(problem).error().kind == ErrorKind::NotFound);
  REQUIRE(store->notices().size() == 1);
  CHECK(store->notices()[0].find(sha) != std::string::npos);
  CHECK(store->trials(problem)->size() == 2);
  REQUIRE(store->putWinner(problem, R"({"B":2})", "{}", artefact(std::string(5000, 'x'))));
  CHECK(store->artefact(sha)->bytes == std::string(5000, 'x'));
}

TEST_CASE("a winner whose configuration was changed outside is dropped") {
  Scratch folder;
  filled(folder.path());
  tamper(folder.path(), "UPDATE winners SET body = '{\"answer\":3}'");
  auto store = openAt(folder.path());
  CHECK(store->winners("", "")->empty());
  CHECK(store->winner(problem).error().kind == ErrorKind::NotFound);
  CHECK(store->notices().size() == 1);
}

TEST_CASE("a failure is kept until a winner comes") {
  Scratch folder;
  auto store = filled(folder.path());
  CHECK(store->failure(problem)->empty());
  REQUIRE(store->setFailure(problem, "all 12 variants failed"));
  CHECK(*store->failure(problem) == "all 12 variants failed");
  REQUIRE(store->putWinner(problem, R"({"B":2})", "{}", artefact("y")));
  CHECK(store->failure(problem)->empty());
}

TEST_CASE("winner and artefact come together or not at all") {
  Scratch folder;
  auto store = filled(folder.path());
  // No trial of that configuration: the winner's row is refused, and the artefact must go with it.
  CHECK_FALSE(store->putWinner(problem, R"({"B":99})", "{}", artefact("new bytes")));
  CHECK(store->artefact(sha256("new bytes")).error().kind == ErrorKind::NotFound);
  CHECK(store->winner(problem)->body == R"({"answer":2})");
  ArtefactRecord lying = artefact("a");
  lying.bytes = "b";
  CHECK_FALSE(store->putWinner(problem, R"({"B":2})", "{}", lying));
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

TEST_CASE("a damaged file is set aside and a new cache begun") {
  for (const char* damage : {"truncated", "overwritten", "not a database"}) {
    CAPTURE(damage);
    Scratch folder;
    filled(folder.path(), std::string(200'000, 'q'))->checkpoint();
    const std::string file = folder / "tuned.db";
    auto size = std::filesystem::file_size(file);
    if (damage[0] == 't') std::filesystem::resize_file(file, size / 2);
    if (damage[0] == 'o') {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(4096);
      stream << std::string(16384, '\x5a');
    }
    if (damage[0] == 'n') std::ofstream(file, std::ios::trunc) << std::string(8192, 'z');
    auto store = openAt(folder.path());
    REQUIRE(store->notices().size() == 1);
    CHECK(store->notices()[0].find("set aside") != std::string::npos);
    CHECK_FALSE(onlyAside(folder.path()).empty());
    CHECK(store->counts()->trials == 0);
    CHECK(store->putKernel({"k", "k", "{}"}));
  }
}

TEST_CASE("a newer schema and another program's database are refused and left as they were") {
  Scratch folder;
  filled(folder.path())->checkpoint();
  tamper(folder.path(), "PRAGMA user_version = 99");
  auto bytes = [&] {
    std::ifstream file(folder / "tuned.db", std::ios::binary);
    return sha256(std::string(std::istreambuf_iterator<char>(file), {}));
  };
  auto before = bytes();
  auto refused = Store::open(folder.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  CHECK(refused.error().message.find("99") != std::string::npos);
  CHECK(bytes() == before);

  Scratch other;
  tamper(other.path(), "CREATE TABLE theirs(x)");
  CHECK(Store::open(other.path()).error().kind == ErrorKind::InvalidInput);
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
