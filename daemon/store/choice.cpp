// The winner, told from measurements whenever it is asked for.
#include "daemon/store/attempt.h"
#include "daemon/store/measurement_row.h"
#include "daemon/store/nearness.h"

#include <algorithm>
#include <limits>

namespace tuned::store {

namespace {
constexpr const char* noWinner = "no winner is known for this problem";

/// Problems near by, on either side. By the product of the sizes, from the index: a few rows, however many
/// problems there are.
constexpr const char* largerOnes =
    "SELECT id, kernel, sizes FROM problems WHERE kernel = ?1 AND magnitude >= ?2 AND sizes <> ?3 "
    "ORDER BY magnitude LIMIT ?4";
constexpr const char* smallerOnes =
    "SELECT id, kernel, sizes FROM problems WHERE kernel = ?1 AND magnitude < ?2 AND sizes <> ?3 "
    "ORDER BY magnitude DESC LIMIT ?4";

/// The order of candidates: who was timed against the others counts before who was timed alone, and newer
/// before older; the index `candidates` has it, so that as a rule one row is read.
const std::string inOrder = "ORDER BY m.stage DESC, m.search DESC, m.seconds ";
} // namespace

/// Steps through candidates until one fits; damaged ones are dropped.
Result<MeasurementRecord> Store::firstFit(SQLite::Statement& row, const Fits& fits, const char* none) {
  std::optional<MeasurementRecord> chosen;
  std::vector<std::pair<int64_t, std::string>> damaged;
  while (!chosen && row.executeStep()) {
    auto candidate = readMeasurement(row);
    if (!candidate)
      damaged.emplace_back(measurementId(row), measurementName(row));
    else if (!fits || fits(*candidate))
      chosen = std::move(candidate);
  }
  for (const auto& [id, what] : damaged)
    dropMeasurement(id, what);
  if (!chosen) return fail(ErrorKind::NotFound, none);
  return std::move(*chosen);
}

Result<MeasurementRecord> Store::choose(const ProblemKey& problem, const Fits& fits) {
  static const std::string sql =
      selectMeasurements +
      "WHERE m.problem = (SELECT id FROM problems WHERE kernel = ? AND sizes = ?) AND "
      "m.target = ? AND m.standing = 1 " +
      inOrder;
  auto chosen = attempt([&] {
    auto row = query(*database_, sql, problem.kernel, problem.sizes, problem.target);
    return firstFit(row, fits, noWinner);
  });
  return chosen ? std::move(*chosen) : fail(chosen.error());
}

Result<MeasurementRecord> Store::chooseStale(const ProblemKey& problem, const std::string& hardware,
                                             const Fits& fits) {
  static const std::string sql =
      selectMeasurements + "WHERE m.problem = (SELECT id FROM problems WHERE kernel = ? AND sizes = ?) AND "
                           "g.hardware = ? AND g.id <> ? AND m.standing = 1 "
                           "ORDER BY m.search DESC, m.stage DESC, m.seconds";
  auto chosen = attempt([&] {
    auto row = query(*database_, sql, problem.kernel, problem.sizes, hardware, problem.target);
    return firstFit(row, fits, noWinner);
  });
  return chosen ? std::move(*chosen) : fail(chosen.error());
}

Result<std::vector<MeasurementRecord>> Store::near(const ProblemKey& problem, int64_t limit) {
  return attempt([&] {
    std::vector<std::pair<double, ProblemKey>> around; // with how far they are
    const double magnitude = magnitudeOf(problem.sizes);
    for (const char* side : {largerOnes, smallerOnes}) {
      auto row = query(*database_, side, problem.kernel, magnitude, problem.sizes, limit);
      while (row.executeStep()) {
        ProblemKey other{text(row, 1), text(row, 2), problem.target};
        const double far = distanceOf(problem.sizes, other.sizes);
        around.emplace_back(far, std::move(other));
      }
    }
    std::ranges::stable_sort(around, {}, [](const auto& one) { return one.first; });
    std::vector<MeasurementRecord> out;
    for (const auto& [far, other] : around) {
      if (static_cast<int64_t>(out.size()) == limit) break;
      if (auto best = choose(other, {})) out.push_back(std::move(*best));
    }
    return out;
  });
}

Result<DecidedPage> Store::decided(const Filter& filter, int64_t limit, const DecidedPage::Place& behind) {
  return attempt([&] {
    DecidedPage out;
    auto row = query(
        *database_,
        "SELECT p.kernel, p.sizes, m.target, p.id FROM measurements m JOIN problems p ON p.id = m.problem "
        "JOIN targets g ON g.id = m.target WHERE m.standing = 1 AND "
        "(?2 = '' OR p.kernel = ?2 OR p.kernel IN (SELECT d.kernel FROM names n JOIN documents d ON d.sha = "
        "n.document WHERE n.name = ?2)) AND (?3 = '' OR p.sizes = ?3) AND (?4 = '' OR g.device = ?4 OR "
        "g.id = ?4) AND (m.problem, m.target) < (?5, ?6) GROUP BY m.problem, m.target "
        "ORDER BY m.problem DESC, m.target DESC LIMIT ?1",
        limit + 1, filter.kernel, filter.sizes, filter.device,
        behind.problem > 0 ? behind.problem : std::numeric_limits<int64_t>::max(), behind.target);
    DecidedPage::Place last;
    while (row.executeStep()) {
      if (static_cast<int64_t>(out.problems.size()) == limit) {
        out.next = last;
        break;
      }
      out.problems.push_back({text(row, 0), text(row, 1), text(row, 2)});
      last = {number(row, 3), text(row, 2)};
    }
    return out;
  });
}

} // namespace tuned::store
