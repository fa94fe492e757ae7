// The cache never gives back what is not what was kept, and loses no more than what was damaged.
#include "daemon/store/check.h"
#include "daemon/store/file/aside.h"
#include "daemon/store/file/open.h"
#include "daemon/store/file/schema.h"
#include "tests/daemon/store/store_support.h"

#include <algorithm>
#include <fstream>

using namespace tuned;
using namespace tuned::store;
using namespace tuned::test;

namespace {
void overwrite(const std::string& file, std::streamoff at, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(at);
  stream << bytes;
}

std::string bytesOf(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

/// Many builds of one problem, on many pages.
void fillMany(Store& store, int count) {
  REQUIRE(store.batch([&]() -> Result<void> {
    for (int i = 0; i < count; ++i) {
      Build build = buildOf("");
      build.artefact = "";
      auto id = store.putBuild(buildKey(1000 + i), build);
      if (!id) return fail(id.error());
      if (auto kept = store.addMeasurement(timed(*id, 1 + i)); !kept) return fail(kept.error());
    }
    return {};
  }));
}
} // namespace

TEST_CASE("an artefact that does not match its SHA-256 is dropped, and said so") {
  Scratch folder;
  filled(folder.path());
  tamper(folder.path(), "UPDATE artefacts SET compressed = "
                        "CAST(substr(compressed, 1, length(compressed) - 3) || x'000000' AS BLOB)");
  auto store = openAt(folder.path());
  const std::string sha = store->choose(problem, {})->build.build.artefact;
  CHECK(store->artefact(sha).error().kind == ErrorKind::NotFound);
  REQUIRE(store->notices().size() == 1);
  CHECK(store->notices()[0].find(sha) != std::string::npos);
  put(*store, buildKey(4), std::string(5000, 'y'));
  CHECK(store->artefact(sha)->bytes == std::string(5000, 'y'));
}

TEST_CASE("a row is bound to its question: no byte of it, key or answer, can be changed unnoticed") {
  for (const char* change :
       {"UPDATE problems SET sizes = '{\"n\":4097}'", "UPDATE problems SET kernel = 'kernel-2'",
        "UPDATE builds SET configuration = '{\"B\":5}' WHERE configuration = '{\"B\":4}'",
        "UPDATE builds SET toolchain = 'toolchain-2'", "UPDATE builds SET origin = 'triton'",
        "UPDATE builds SET artefact = replace(artefact, 'a', 'b'), body = replace(body, 'a', 'b')",
        "UPDATE measurements SET target = 'target-2'", "UPDATE measurements SET seconds = seconds / 2",
        "UPDATE measurements SET policy = 'warm'", "UPDATE measurements SET source = 'x'",
        "UPDATE measurements SET stage = 1",
        "UPDATE measurements SET verdict = replace(verdict, '0.5', '0.1')"}) {
    CAPTURE(std::string(change));
    Scratch folder;
    {
      auto store = filled(folder.path());
      REQUIRE(store->putTarget({"target-2", "hardware-1", "cuda:0", "{}", ""}));
    }
    tamper(folder.path(), change);
    auto store = openAt(folder.path());
    // Whoever asks for what the row says now, or said before, is told nothing of it.
    for (const char* kernel : {"kernel-1", "kernel-2"})
      for (const char* sizes : {R"({"n":4096})", R"({"n":4097})"})
        for (const char* target : {"target-1", "target-2"}) {
          const auto chosen = store->choose({kernel, sizes, target}, {});
          if (chosen) { // the slower build, of which no byte was changed
            CHECK(chosen->build.key.configuration == R"({"B":2})");
            CHECK(std::string(sizes) == R"({"n":4096})");
            continue;
          }
          CAPTURE(chosen.error().text());
          CHECK(chosen.error().kind == ErrorKind::NotFound);
        }
    CHECK_FALSE(store->notices().empty());
  }
}

TEST_CASE("a document that was changed outside is passed over") {
  Scratch folder;
  filled(folder.path());
  tamper(folder.path(), "UPDATE documents SET text = replace(text, 'softmax', 'softmin')");
  auto store = openAt(folder.path());
  CHECK(store->document("softmax").error().kind == ErrorKind::NotFound);
  CHECK(store->documents()->empty());
  REQUIRE(store->putDocument(document("kernel-1", "softmax"))); // and can be given again
  CHECK(store->document("softmax")->kernel == "kernel-1");
}

TEST_CASE("a check reads everything, and tells what was damaged and what was collected") {
  const auto idOf = [](const std::string&) { return std::string("kernel-1"); };
  Scratch folder;
  filled(folder.path());
  {
    auto store = openAt(folder.path());
    const auto sound = check(*store, idOf);
    REQUIRE(sound);
    CHECK(sound->sound);
    CHECK(sound->builds == 3);
    CHECK(sound->binaries == 2);
    CHECK(sound->measurements == 3);
    const auto other = check(*store, [](const std::string&) { return std::string(); });
    REQUIRE(other);
    CHECK_FALSE(other->sound); // the document is not what its id says
    CHECK(other->notices.size() == 1);
    CHECK(check(*store, idOf, [] { return true; }).error().kind == ErrorKind::Unavailable);
    REQUIRE(store->collect(0, 0)->artefacts > 0);
    CHECK(check(*store, idOf)->binariesCollected > 0);
  }
  tamper(folder.path(), "UPDATE measurements SET seconds = seconds / 2");
  auto store = openAt(folder.path());
  const auto damaged = check(*store, idOf);
  REQUIRE(damaged);
  CHECK_FALSE(damaged->sound);
  CHECK(damaged->measurements == 1); // a failure has no time
  CHECK(check(*store, idOf)->sound); // what was damaged is gone
}

TEST_CASE("damaged pages lose what was on them and no more") {
  Scratch folder;
  const int many = 400;
  {
    auto store = filled(folder.path());
    fillMany(*store, many);
    REQUIRE(store->checkpoint());
  }
  // One page of each table's middle, as a broken disk would leave it.
  const std::string file = folder / "tuned.db";
  int64_t page = 0, size = 0;
  {
    Database database(file, SQLite::OPEN_READONLY);
    size = numberOf(database, "PRAGMA page_size");
    page = numberOf(database, "SELECT pageno FROM dbstat WHERE name = 'measurements' AND pagetype = 'leaf' "
                              "ORDER BY pageno LIMIT 1 OFFSET 3");
  }
  REQUIRE(page > 1);
  overwrite(file, (page - 1) * size, std::string(static_cast<size_t>(size), '\x5a'));
  auto store = openAt(folder.path());
  REQUIRE(store->notices().size() == 1);
  const std::string notice = store->notices()[0];
  CAPTURE(notice);
  CHECK(notice.find("set aside") != std::string::npos);
  CHECK(notice.find("lost:") != std::string::npos);
  CHECK(notice.find("measurements at most") != std::string::npos);
  CHECK_FALSE(onlyAside(folder.path()).empty());
  const auto counts = store->counts();
  CHECK(counts->builds == many + 3);
  CHECK(counts->measurements >= many / 2);
  CHECK(counts->measurements < many + 3);
  CHECK(store->document("softmax"));
  CHECK(store->choose(problem, {}));
  CHECK(store->artefact(sha256(std::string(5000, 'x'))));
  // It is said again after a restart.
  store.reset();
  CHECK(openAt(folder.path())->notices().size() == 1);
}

TEST_CASE("a file of which nothing can be read is set aside and a new cache begun") {
  for (const char* damage : {"truncated", "not a database"}) {
    CAPTURE(damage);
    Scratch folder;
    filled(folder.path())->checkpoint();
    const std::string file = folder / "tuned.db";
    if (damage[0] == 't') std::filesystem::resize_file(file, 2048);
    if (damage[0] == 'n') std::ofstream(file, std::ios::trunc) << std::string(8192, 'z');
    auto store = openAt(folder.path());
    REQUIRE(store->notices().size() == 1);
    CHECK(store->notices()[0].find("set aside") != std::string::npos);
    CHECK_FALSE(onlyAside(folder.path()).empty());
    CHECK(store->counts()->measurements == 0);
    CHECK(store->putDocument(document("k", "k")));
  }
}

TEST_CASE("half a file still gives what its half holds") {
  Scratch folder;
  {
    auto store = filled(folder.path());
    fillMany(*store, 400);
    REQUIRE(store->checkpoint());
  }
  const std::string file = folder / "tuned.db";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  auto store = openAt(folder.path());
  REQUIRE(store->notices().size() == 1);
  CAPTURE(store->notices()[0]);
  CHECK(store->document("softmax"));
  CHECK(store->counts()->builds > 0);
}

TEST_CASE("a table or an index that is gone is noticed, and the rest is kept") {
  for (const char* change : {"DROP TABLE searches", "DROP INDEX candidates"}) {
    CAPTURE(change);
    Scratch folder;
    filled(folder.path());
    tamper(folder.path(), change);
    auto store = openAt(folder.path());
    REQUIRE(store->notices().size() == 1);
    CHECK(store->notices()[0].find("is missing") != std::string::npos);
    CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 4);
    CHECK(store->lastSearch(problem).error().kind == ErrorKind::NotFound);
  }
}

namespace {
/// An index that names rows which are gone: quick_check does not see it, whoever comes by the index does.
void spoilIndex(const std::string& folder, const char* index, const char* change) {
  std::string root, sql, table;
  {
    Database database(folder + "/tuned.db", SQLite::OPEN_READWRITE);
    root = textOf(database, "SELECT rootpage FROM sqlite_schema WHERE name = ?", index);
    sql = textOf(database, "SELECT sql FROM sqlite_schema WHERE name = ?", index);
    table = textOf(database, "SELECT tbl_name FROM sqlite_schema WHERE name = ?", index);
    database.exec("PRAGMA writable_schema=ON");
    run(database, "DELETE FROM sqlite_schema WHERE name = ?", index);
  }
  Database database(folder + "/tuned.db", SQLite::OPEN_READWRITE);
  database.exec(change);
  database.exec("PRAGMA writable_schema=ON");
  run(database,
      "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES('index', ?, ?, CAST(? AS "
      "INTEGER), ?)",
      index, table, root, sql);
}
} // namespace

TEST_CASE("damage that is met while serving is healed, and the call gives its answer") {
  Scratch folder;
  filled(folder.path());
  spoilIndex(folder.path(), "candidates",
             "DELETE FROM measurements WHERE seconds = (SELECT min(seconds) FROM measurements)");
  auto store = openAt(folder.path());
  REQUIRE(store->notices().empty()); // opening does not see it
  std::vector<std::string> heard;
  store->listen([&](const std::string& text) { heard.push_back(text); });
  auto best = store->choose(problem, {});
  REQUIRE_MESSAGE(best, (best ? "" : best.error().text()));
  CHECK(best->measurement.configuration.at("B") == 2);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].find("set aside") != std::string::npos);
  CHECK(store->notices() == heard);
  CHECK_FALSE(onlyAside(folder.path()).empty());
  CHECK_FALSE(store->displaced());
  // It goes on with the new file, and the next daemon finds a sound one.
  const int64_t build = put(*store, buildKey(8), "later");
  CHECK(store->addMeasurement(timed(build, 1e-9)));
  store.reset();
  store = openAt(folder.path());
  CHECK(store->choose(problem, {})->measurement.configuration.at("B") == 8);
  CHECK(store->notices().size() == 1);
}

TEST_CASE("damage that is met within a batch is healed, and the batch made as a whole") {
  Scratch folder;
  filled(folder.path());
  spoilIndex(folder.path(), "candidates",
             "DELETE FROM measurements WHERE seconds = (SELECT min(seconds) FROM measurements)");
  auto store = openAt(folder.path());
  int runs = 0;
  auto done = store->batch([&]() -> Result<void> {
    ++runs;
    put(*store, buildKey(8), "in a batch");
    // The damage is met by a call within a call.
    auto near = store->near({problem.kernel, R"({"n":4095})", problem.target});
    return near && near->size() == 1 ? Result<void>() : fail(ErrorKind::Internal, "no near winner");
  });
  REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
  CHECK(runs == 2);
  CHECK(store->counts()->builds == 4);
  CHECK(store->build(buildKey(8)));
}

TEST_CASE("a walk over all rows that meets damage passes over none that is left") {
  for (const std::string table : {"builds", "measurements"}) {
    CAPTURE(table);
    Scratch folder;
    auto store = filled(folder.path());
    constexpr int many = 700, each = 30'000; // more than SQLite keeps in memory
    REQUIRE(store->batch([&]() -> Result<void> {
      Build failure;
      failure.outcome = "compile_failed";
      failure.reason = std::string(each, 'r');
      for (int i = 0; i < many; ++i) {
        auto id = store->putBuild(buildKey(1000 + i), failure);
        if (!id) return fail(id.error());
        if (auto kept = store->addMeasurement(timed(*id, 1 + i)); !kept) return fail(kept.error());
      }
      return {};
    }));
    REQUIRE(store->checkpoint());
    int64_t walked = 0;
    const auto count = [&](const auto&) -> Result<void> {
      ++walked;
      return {};
    };
    const auto walk = [&] {
      walked = 0;
      return table == "builds" ? store->eachBuild({}, count) : store->eachMeasurement({}, count);
    };
    REQUIRE(walk()); // the first pages are out of memory then
    REQUIRE(walked == many + 3);
    Scratch copies;
    const std::string file = folder / "tuned.db", copy = copies / "tuned.db";
    std::filesystem::copy_file(file, copy);
    int64_t page = 0, size = 0;
    {
      Database database(copy, SQLite::OPEN_READWRITE);
      size = numberOf(database, "PRAGMA page_size");
      page = numberOf(database,
                      "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path LIMIT 1 "
                      "OFFSET 3",
                      table);
    }
    REQUIRE(page > 1);
    overwrite(file, (page - 1) * size, std::string(static_cast<size_t>(size), '\x5a'));
    const auto done = walk();
    REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
    CHECK_FALSE(onlyAside(folder.path()).empty()); // it met the damage
    const auto left = store->counts();
    CHECK(walked == (table == "builds" ? left->builds : left->measurements));
    CHECK(walked > many / 2);
    CHECK(walked < many + 3);
  }
}

TEST_CASE("a file that is damaged again and again leaves a few copies, and the newest of them") {
  Scratch folder;
  filled(folder.path());
  std::string said;
  for (int damage = 0; damage < 7; ++damage) {
    overwrite(folder / "tuned.db", 100, std::string(500, static_cast<char>('a' + damage)));
    auto store = openAt(folder.path());
    said = store->notices().back();
  }
  std::vector<std::string> kept;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().string().find(".corrupt-") != std::string::npos) kept.push_back(entry.path().string());
  CHECK(kept.size() == AsideLimits().files);
  CHECK_MESSAGE(said.find("are kept") != std::string::npos, said);
  // The last four damages.
  for (char letter : {'d', 'e', 'f', 'g'})
    CHECK(std::ranges::count_if(kept, [&](const std::string& file) {
            return bytesOf(file).find(std::string(400, letter)) != std::string::npos;
          }) == 1);
}

TEST_CASE("what is set aside is limited in bytes, too; the newest stays, and files of others do") {
  Scratch folder;
  const std::string path = folder / "tuned.db";
  const auto make = [&](const std::string& name, size_t bytes) {
    std::ofstream(folder / name) << std::string(bytes, 'x');
    return folder / name;
  };
  const std::string oldest = make("tuned.db.corrupt-99", 10), log = make("tuned.db.corrupt-99-wal", 1000),
                    old = make("tuned.db.corrupt-100", 10), second = make("tuned.db.corrupt-100-2", 10),
                    tenth = make("tuned.db.corrupt-100-10", 10), mine = make("tuned.db.corrupt-mine", 5000),
                    other = make("other.db.corrupt-1", 5000);
  CHECK(limitAside(path, tenth, {9, 2000}).empty());
  CHECK(limitAside(path, tenth, {9, 1000}) == std::vector{oldest}); // with its log
  CHECK_FALSE(std::filesystem::exists(log));
  CHECK(limitAside(path, tenth, {2, 1000}) == std::vector{old});
  // One that is too large by itself stays: it is all there is of what was lost.
  CHECK(limitAside(path, tenth, {2, 5}) == std::vector{second});
  for (const std::string& stays : {tenth, mine, other})
    CHECK(std::filesystem::exists(stays));
  // A clock that was set back makes the newest look old.
  make("tuned.db.corrupt-200", 10);
  CHECK(limitAside(path, tenth, {1, 1000}) == std::vector{folder / std::string("tuned.db.corrupt-200")});
  // The next comes behind those that are there all the same.
  make("tuned.db.corrupt-99999999999", 10);
  CHECK(nameAside(path) == path + ".corrupt-99999999999-1");
}

TEST_CASE("a file that is damaged too often is left alone for a while") {
  HealLimit limit;
  const std::chrono::steady_clock::time_point start{std::chrono::hours(5)};
  for (int i = 0; i < 4; ++i)
    CHECK(limit.take(start + std::chrono::minutes(i)));
  CHECK_FALSE(limit.take(start + std::chrono::minutes(9)));
  CHECK(limit.take(start + std::chrono::minutes(11))); // the first one counts no more
  CHECK_FALSE(limit.take(start + std::chrono::minutes(11)));
}

TEST_CASE("a file cut to nothing is noticed") {
  Scratch folder;
  filled(folder.path())->checkpoint();
  std::filesystem::resize_file(folder / "tuned.db", 0);
  auto store = openAt(folder.path());
  REQUIRE(store->notices().size() == 1);
  CHECK(store->notices()[0].find("empty file") != std::string::npos);
}

TEST_CASE("a schema number that nobody gives is damage, not an index") {
  for (const char* version : {"PRAGMA user_version = -1", "PRAGMA user_version = 0"}) {
    CAPTURE(version);
    Scratch folder;
    filled(folder.path());
    tamper(folder.path(), version);
    auto store = openAt(folder.path());
    CHECK(store->notices().size() == 1);
    CHECK(store->counts()->builds == 0);
  }
}

TEST_CASE("a newer schema and another program's database are refused and left as they were") {
  Scratch folder;
  filled(folder.path())->checkpoint();
  tamper(folder.path(), "PRAGMA user_version = 99");
  const std::string before = bytesOf(folder / "tuned.db");
  auto refused = Store::open(folder.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  CHECK(refused.error().message.find("99") != std::string::npos);
  CHECK(bytesOf(folder / "tuned.db") == before);

  Scratch other;
  tamper(other.path(), "CREATE TABLE theirs(x)");
  CHECK(Store::open(other.path()).error().kind == ErrorKind::InvalidInput);
}

// SCHEMA1_FILE was written by the last daemon of schema 1, on a CPU: "doubled" tuned at two sizes, "depends"
// with a tolerance at one, "broken" that does not compile.
TEST_CASE("a file of schema 1 is brought up to date, and a copy of it kept") {
  Scratch folder;
  std::filesystem::copy_file(SCHEMA1_FILE, folder / "tuned.db");
  auto store = openAt(folder.path());
  CHECK(store->notices().empty());
  const auto counts = store->counts();
  CHECK(counts->kernels == 3);
  CHECK(counts->measurements == 10);
  CHECK(counts->builds == 10);
  CHECK(counts->winners == 3);
  CHECK(counts->artefacts == 3);
  auto page = store->decided({"doubled", "", ""}, 10);
  REQUIRE(page->problems.size() == 2);
  for (const ProblemKey& one : page->problems) {
    auto winner = store->choose(one, {});
    REQUIRE(winner);
    CHECK(winner->finalist);
    CHECK(winner->build.build.launch.symbol == "kernel.kernel");
    CHECK(winner->build.build.launch.parameters.size() == 3);
    CHECK(store->artefact(winner->build.build.artefact)->format == "object");
    // It was judged when tolerances were not kept: that proves nothing now.
    CHECK(winner->measurement.verdict.state == "unchecked");
    CHECK(winner->measurement.verdict.checked > 0);
  }
  // {0, 0} in a document of then meant that nothing was said.
  CHECK(store->document("doubled")->text.find("tolerance") == std::string::npos);
  CHECK(store->document("depends")->text.find("tolerance") != std::string::npos);
  CHECK(std::filesystem::exists(folder / "tuned.db.before-schema-4"));
  store.reset();
  CHECK(openAt(folder.path())->counts()->winners == 3);
}

TEST_CASE("a file of schema 2 is brought up to date, and its sums hold") {
  Scratch folder;
  filled(folder.path());
  const auto before = *openAt(folder.path())->counts();
  tamper(folder.path(), "ALTER TABLE measurements DROP COLUMN joules; ALTER TABLE jobs DROP COLUMN user; "
                        "PRAGMA user_version = 2");
  auto store = openAt(folder.path());
  CHECK(store->notices().empty());
  CHECK(store->counts()->measurements == before.measurements);
  CHECK(store->counts()->winners == before.winners);
  CHECK(std::filesystem::exists(folder / "tuned.db.before-schema-4"));
}

TEST_CASE(
    "jobs of schema 3 are nobody's, whether its file is sound or damaged; those of now keep their user") {
  for (const bool damaged : {false, true}) {
    Scratch folder;
    filled(folder.path());
    const auto before = *openAt(folder.path())->counts();
    REQUIRE(openAt(folder.path())->putJob({"old", "queued", "{}", "", 0, 1000}));
    tamper(folder.path(), "UPDATE measurements SET joules = 2.5; ALTER TABLE jobs DROP COLUMN user; "
                          "PRAGMA user_version = 3");
    if (damaged) tamper(folder.path(), "DROP TABLE searches");
    auto store = openAt(folder.path());
    CHECK(store->notices().size() == damaged);
    CHECK(store->counts()->builds == before.builds);
    REQUIRE(store->putJob({"new", "queued", "{}", "", 0, 1000}));
    REQUIRE(store->putJob({"root's", "queued", "{}", "", 0, 0}));
    store.reset();
    auto jobs = *openAt(folder.path())->unfinishedJobs();
    REQUIRE(jobs.size() == 3);
    CHECK(jobs[0].id == "old");
    CHECK_FALSE(jobs[0].user);
    CHECK(jobs[1].user == 1000U);
    CHECK(jobs[2].user == 0U);
    Database database(folder / "tuned.db", SQLite::OPEN_READONLY);
    CHECK(numberOf(database, "SELECT count(*) FROM measurements WHERE joules = 2.5") ==
          numberOf(database, "SELECT count(*) FROM measurements"));
  }
}

TEST_CASE("a damaged file of schema 1 is saved as far as it can be read, and brought up to date") {
  Scratch folder;
  std::filesystem::copy_file(SCHEMA1_FILE, folder / "tuned.db");
  tamper(folder.path(), "DROP TABLE jobs");
  auto store = openAt(folder.path());
  REQUIRE(store->notices().size() == 1);
  CHECK(store->counts()->winners == 3);
  CHECK(store->document("depends"));
}
