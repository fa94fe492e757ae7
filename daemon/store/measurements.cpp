// The part of the store that keeps measurements.
#include "base/clock.h"
#include "daemon/store/attempt.h"
#include "daemon/store/measurement_row.h"
#include "daemon/store/rows.h"

#include <limits>

namespace tuned::store {

namespace {
/// ?2 kernel's id or a name, ?3 sizes, ?4 device or target; empty matches all.
const std::string filtered =
    "(?2 = '' OR p.kernel = ?2 OR p.kernel IN (SELECT d.kernel FROM names n JOIN documents d ON d.sha = "
    "n.document WHERE n.name = ?2)) AND (?3 = '' OR p.sizes = ?3) AND (?4 = '' OR g.device = ?4 OR g.id = "
    "?4) ";
} // namespace

void Store::dropMeasurement(int64_t id, const std::string& what) {
  const std::string damaged = "a measurement of " + what + " did not match its checksum; ";
  const bool dropped = !readOnly_ && discard(*database_, path_, [&] {
    run(*database_, "DELETE FROM measurements WHERE id = ?", id);
  });
  if (!dropped) return noticeNew({damaged + "it is passed over, as the cache cannot be written"});
  notice(damaged + "it was dropped and will be made again");
}

Result<int64_t> Store::addMeasurement(const MeasurementRecord& given) {
  MeasurementRecord record = given;
  if (record.created == 0) record.created = unixNow();
  return change([&] {
    Changes changes(*database_);
    auto build = query(*database_,
                       "SELECT p.kernel, p.sizes, b.configuration, b.toolchain, b.options, b.origin "
                       "FROM builds b JOIN problems p ON p.id = b.problem WHERE b.id = ?",
                       record.build.id);
    if (!build.executeStep())
      throw DatabaseError({ErrorKind::Internal, "a measurement of a build that is not stored"}, false);
    record.build.key = {text(build, 0), text(build, 1), text(build, 2),
                        text(build, 3), text(build, 4), text(build, 5)};
    const int64_t id = writeMeasurement(*database_, record);
    changes.commit();
    return id;
  });
}

Result<bool> Store::hasMeasurement(const MeasurementRecord& record) {
  return attempt([&] {
    return numberOf(*database_,
                    "SELECT count(*) FROM measurements WHERE build = ? AND target = ? AND policy = ? AND "
                    "created = ? AND source IN ('', ?)",
                    record.build.id, record.target, record.policy, record.created, record.source) > 0;
  });
}

Result<std::vector<MeasurementRecord>> Store::standing(const ProblemKey& problem, double since) {
  return attempt([&] {
    std::vector<MeasurementRecord> out;
    static const std::string sql =
        selectMeasurements + "WHERE p.kernel = ? AND p.sizes = ? AND m.target = ? AND m.standing > 0 AND "
                             "m.created >= ? ORDER BY m.id";
    auto row = query(*database_, sql, problem.kernel, problem.sizes, problem.target, since);
    std::vector<std::pair<int64_t, std::string>> damaged;
    while (row.executeStep()) {
      if (auto one = readMeasurement(row))
        out.push_back(std::move(*one));
      else
        damaged.emplace_back(measurementId(row), measurementName(row));
    }
    for (const auto& [id, what] : damaged)
      dropMeasurement(id, what);
    return out;
  });
}

Result<MeasurementRecord> Store::standingOf(const ProblemKey& problem, const std::string& configuration,
                                            const std::string& policy) {
  // By the build: a problem may have thousands of others.
  static const std::string sql =
      selectMeasurements +
      "WHERE m.problem = (SELECT id FROM problems WHERE kernel = ?1 AND sizes = ?2) AND "
      "m.target = ?4 AND m.build IN (SELECT x.id FROM builds x WHERE x.problem = (SELECT id "
      "FROM problems WHERE kernel = ?1 AND sizes = ?2) AND x.configuration = ?3 AND x.origin "
      "= '') AND m.standing > 0 AND m.policy = ?5 ORDER BY m.id DESC";
  auto found = attempt([&]() -> std::optional<MeasurementRecord> {
    auto row = query(*database_, sql, problem.kernel, problem.sizes, configuration, problem.target, policy);
    while (row.executeStep())
      if (auto one = readMeasurement(row)) return one;
    return std::nullopt;
  });
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorKind::NotFound, "the configuration was not measured");
  return std::move(**found);
}

Result<MeasurementPage> Store::measurements(const Filter& filter, int64_t limit, int64_t before) {
  return attempt([&] {
    MeasurementPage out;
    static const std::string sql =
        selectMeasurements + "WHERE " + filtered + "AND m.id < ?5 ORDER BY m.id DESC LIMIT ?1";
    auto row = query(*database_, sql, limit + 1, filter.kernel, filter.sizes, filter.device,
                     before > 0 ? before : std::numeric_limits<int64_t>::max());
    int64_t last = 0;
    for (int64_t seen = 0; row.executeStep(); ++seen) {
      if (seen == limit) {
        out.next = last;
        break;
      }
      last = measurementId(row);
      if (auto one = readMeasurement(row)) out.measurements.push_back(std::move(*one));
    }
    return out;
  });
}

Result<void> Store::eachMeasurement(const Filter& filter,
                                    const std::function<Result<void>(const MeasurementRecord&)>& visit) {
  static const std::string sql =
      selectMeasurements + "WHERE m.id > ?1 AND " + filtered + "ORDER BY m.id LIMIT 256";
  // In slices, so that a long walk keeps nobody waiting and holds little memory.
  for (int64_t last = 0;;) {
    int64_t end = last; // of the slice, which is read again where damage is healed
    auto slice = attempt([&] {
      std::vector<std::optional<MeasurementRecord>> out;
      std::vector<std::pair<int64_t, std::string>> damaged;
      auto row = query(*database_, sql, last, filter.kernel, filter.sizes, filter.device);
      while (row.executeStep()) {
        end = measurementId(row);
        out.push_back(readMeasurement(row));
        if (!out.back()) damaged.emplace_back(end, measurementName(row));
      }
      for (const auto& [id, what] : damaged)
        dropMeasurement(id, what);
      return out;
    });
    if (!slice) return fail(slice.error());
    if (slice->empty()) return {};
    last = end;
    for (const auto& one : *slice)
      if (one)
        if (auto done = visit(*one); !done) return done;
  }
}

Result<int64_t> Store::retire(const ProblemKey& problem, double before, const std::string& policy) {
  return change([&] {
    return run(*database_,
               "UPDATE measurements SET standing = 0 WHERE standing > 0 AND created < ? AND target = ? AND "
               "policy = ? AND problem = (SELECT id FROM problems WHERE kernel = ? AND sizes = ?)",
               before, problem.target, policy, problem.kernel, problem.sizes);
  });
}

} // namespace tuned::store
