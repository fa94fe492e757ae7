#include "daemon/store/rows.h"

#include "base/model/json.h"
#include "daemon/store/file/checksum.h"
#include "daemon/store/nearness.h"

namespace tuned::store {

namespace {
/// What a measurement can be for its build: 0 history, 1 it may win, 2 it stands but cannot win.
int64_t standingOf(const MeasurementRecord& record) {
  if (record.history) return 0;
  const Measurement& m = record.measurement;
  const bool mayWin = m.outcome == "timed" && m.seconds && !m.abandoned && record.source.empty();
  return mayWin && record.policy == byTime ? 1
                                           : 2; // what is made small by other objectives is told otherwise
}
} // namespace

int64_t writeProblem(Database& database, const std::string& kernel, const std::string& sizes) {
  constexpr const char* find = "SELECT id FROM problems WHERE kernel = ? AND sizes = ?";
  if (int64_t id = numberOf(database, find, kernel, sizes)) return id;
  run(database, "INSERT INTO problems(kernel, sizes, magnitude) VALUES(?, ?, ?)", kernel, sizes,
      magnitudeOf(sizes));
  return database.getLastInsertRowid();
}

int64_t writeBuild(Database& database, const BuildKey& key, const Build& build, double created) {
  const std::string body = model::dump(model::toJson(build));
  const int64_t problem = writeProblem(database, key.kernel, key.sizes);
  run(database,
      "INSERT INTO builds(problem, configuration, toolchain, options, origin, artefact, body, created, sum) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(problem, configuration, toolchain, options, origin) "
      "DO UPDATE SET artefact = excluded.artefact, body = excluded.body, created = excluded.created, "
      "sum = excluded.sum",
      problem, key.configuration, key.toolchain, key.options, key.origin, build.artefact, body, created,
      Blob{buildSum(key, body)});
  return numberOf(database,
                  "SELECT id FROM builds WHERE problem = ? AND configuration = ? AND toolchain = ? AND "
                  "options = ? AND origin = ?",
                  problem, key.configuration, key.toolchain, key.options, key.origin);
}

int64_t writeMeasurement(Database& database, const MeasurementRecord& record) {
  const Measurement& m = record.measurement;
  const std::string verdict = model::dump(model::toJson(m.verdict));
  const int64_t problem = writeProblem(database, record.build.key.kernel, record.build.key.sizes);
  if (!record.history)
    run(database,
        "UPDATE measurements SET standing = 0 WHERE problem = ? AND target = ? AND build = ? AND policy = ? "
        "AND source = ? AND standing > 0",
        problem, record.target, record.build.id, record.policy, record.source);
  std::optional<double> low, high;
  if (m.interval) low = m.interval->low, high = m.interval->high;
  run(database,
      "INSERT INTO measurements(build, problem, target, policy, source, search, stage, standing, outcome, "
      "reason, seconds, low, high, repeats, abandoned, compile_seconds, measure_seconds, verdict, created, "
      "sum, joules) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record.build.id, problem, record.target, record.policy, record.source, record.search,
      int64_t{record.finalist}, standingOf(record), m.outcome, m.reason, m.seconds, low, high, m.repeats,
      int64_t{m.abandoned}, m.compileSeconds, m.measureSeconds, verdict, record.created,
      Blob{measurementSum(record, verdict)}, m.joules);
  return database.getLastInsertRowid();
}

void writeArtefact(Database& database, const std::string& sha, const std::string& format,
                   const std::string& target, int64_t size, const std::string& compressed, double created) {
  // Replaces: the row that is there may be the damaged one that made it be built again.
  run(database,
      "INSERT INTO artefacts(sha, format, target, size, created, compressed) VALUES(?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(sha) DO UPDATE SET format = excluded.format, target = excluded.target, size = "
      "excluded.size, "
      "created = excluded.created, compressed = excluded.compressed",
      sha, format, target, size, created, Blob{compressed});
}

} // namespace tuned::store
