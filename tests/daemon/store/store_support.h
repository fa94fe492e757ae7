// Stores with something in them.
#pragma once

#include "base/sha256.h"
#include "daemon/store/file/sqlite.h"
#include "daemon/store/store.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <string>

namespace tuned::test {

inline const store::ProblemKey problem{"kernel-1", R"({"n":4096})", "target-1"};

inline std::unique_ptr<store::Store> openAt(const std::string& folder) {
  auto opened = store::Store::open(folder);
  REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().text()));
  return std::move(*opened);
}

inline std::string block(int64_t value) {
  return R"({"B":)" + std::to_string(value) + "}";
}

inline BuildKey buildKey(int64_t value, const store::ProblemKey& of = problem,
                         const std::string& origin = {}) {
  return {of.kernel, of.sizes, block(value), "toolchain-1", "", origin};
}

inline Build buildOf(const std::string& bytes) {
  Build build;
  build.artefact = sha256(bytes);
  build.format = "cubin";
  build.target = "sm_90a";
  build.launch.symbol = "kernel";
  build.launch.block = {128, 1, 1};
  build.launch.parameters = {{ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4}};
  build.launch.arguments = {{"x", "*f32", false, {4096}, {}, {}}, {"n", "i32", false, {}, 4096, {}}};
  build.resources = {32, 1024, 0};
  return build;
}

inline store::MeasurementRecord timed(int64_t build, double seconds,
                                      const std::string& target = problem.target) {
  store::MeasurementRecord record;
  record.build.id = build;
  record.target = target;
  record.measurement.outcome = "timed";
  record.measurement.seconds = seconds;
  record.measurement.interval = Interval{0.9 * seconds, 1.1 * seconds};
  record.measurement.repeats = 20;
  record.measurement.verdict = {"reference", 10, 10, 0.5, true, Tolerance{1e-4, 1e-4}, "passed", ""};
  return record;
}

/// The number of a build that is kept now.
inline int64_t put(store::Store& store, const BuildKey& key, const std::string& bytes) {
  auto id = store.putBuild(key, buildOf(bytes), bytes);
  REQUIRE_MESSAGE(id.has_value(), (id ? "" : id.error().text()));
  return *id;
}

inline std::string documentText(const std::string& name) {
  return R"({"name":")" + name + R"("})";
}
inline store::DocumentRecord document(const std::string& kernel, const std::string& name,
                                      const std::string& owner = {}, const std::string& more = {}) {
  const std::string text = documentText(name + more);
  return {sha256(text), kernel, name, owner, text};
}

/// One kernel, one target, a build that failed and two that were timed: B=2 in 2 ms, B=4 in 1 ms.
inline std::unique_ptr<store::Store> filled(const std::string& folder) {
  auto store = openAt(folder);
  REQUIRE(store->putDocument(document("kernel-1", "softmax")));
  REQUIRE(store->putTarget({"target-1", "hardware-1", "cuda:0", "{}", ""}));
  Build failure;
  failure.outcome = "compile_failed";
  failure.reason = "no registers";
  auto failed = store->putBuild(buildKey(1), failure);
  REQUIRE(failed);
  store::MeasurementRecord record = timed(*failed, 0);
  record.measurement.outcome = "compile_failed";
  record.measurement.reason = "no registers";
  record.measurement.seconds.reset();
  record.measurement.interval.reset();
  REQUIRE(store->addMeasurement(record));
  REQUIRE(store->addMeasurement(timed(put(*store, buildKey(2), std::string(5000, 'x')), 2e-3)));
  REQUIRE(store->addMeasurement(timed(put(*store, buildKey(4), std::string(5000, 'y')), 1e-3)));
  return store;
}

/// Runs SQL on the closed file, as damage from outside.
inline void tamper(const std::string& folder, const std::string& sql) {
  store::Database database(folder + "/tuned.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(sql);
}

inline std::string onlyAside(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tuned.db.corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm"))
      return entry.path().string();
  }
  return "";
}

} // namespace tuned::test
