// What goes with age, or when it is too much: measurements, builds, searches and jobs that answer nothing any
// more. In slices of so many rows, each under the lock for itself: others have their turn in between.
#include "daemon/store/attempt.h"

#include <algorithm>

namespace tuned::store {

namespace {
constexpr int64_t slice = 2000;
constexpr const char* droppingHistory = "dropping history";

/// Measurements `m` that no answer rests on: a winner is told from the finalists that stand, and where none
/// does from what else stands.
#define HISTORY                                                                                              \
  "NOT (m.standing > 0 AND (m.stage = 1 OR NOT EXISTS (SELECT 1 FROM measurements f WHERE f.problem = "      \
  "m.problem AND f.target = m.target AND f.standing = 1 AND f.stage = 1)))"

/// A table that is walked in slices. ?1: behind this number; ?2: how many, and up to this number; ?3: Unix
/// time.
struct Aged {
  const char *next, *drop;
};
#define NEXT(table)                                                                                          \
  "SELECT coalesce(max(id), 0) FROM (SELECT id FROM " table " WHERE id > ?1 ORDER BY id LIMIT ?2)"
constexpr Aged agedMeasurements{
    NEXT("measurements"),
    "DELETE FROM measurements AS m WHERE id > ?1 AND id <= ?2 AND created < ?3 AND " HISTORY};
/// A failure to build is known by its measurement. What others brought ready-made cannot be built again, and
/// is nothing without its binary.
constexpr Aged agedBuilds{
    NEXT("builds"), //
    "DELETE FROM builds AS b WHERE id > ?1 AND id <= ?2 AND created < ?3 AND (origin = '' "
    "OR NOT EXISTS (SELECT 1 FROM artefacts WHERE sha = b.artefact)) AND NOT EXISTS (SELECT 1 FROM "
    "measurements WHERE build = b.id)"};
/// The last of a problem says how well its space is known; others are told with what was measured in them.
constexpr Aged agedSearches{
    NEXT("searches"), //
    "DELETE FROM searches AS s WHERE id > ?1 AND id <= ?2 AND began < ?3 "
    "AND EXISTS (SELECT 1 FROM searches WHERE problem = s.problem AND target = s.target AND id > s.id) "
    "AND NOT EXISTS (SELECT 1 FROM measurements WHERE problem = s.problem AND search = s.id)"};
constexpr Aged agedProblems{NEXT("problems"), //
                            "DELETE FROM problems AS p WHERE id > ?1 AND id <= ?2 AND ?3 > 0 "
                            "AND NOT EXISTS (SELECT 1 FROM builds WHERE problem = p.id) "
                            "AND NOT EXISTS (SELECT 1 FROM measurements WHERE problem = p.id) "
                            "AND NOT EXISTS (SELECT 1 FROM searches WHERE problem = p.id)"};
#undef NEXT

/// As the first of those above, whatever its age. ?3: how many at most.
constexpr Aged oldestMeasurements{
    agedMeasurements.next, "DELETE FROM measurements WHERE id IN (SELECT m.id FROM measurements m WHERE "
                           "m.id > ?1 AND m.id <= ?2 AND " HISTORY " ORDER BY m.id LIMIT ?3)"};
/// ?1: how many at most.
constexpr const char* oldestJobs =
    "DELETE FROM jobs WHERE id IN "
    "(SELECT id FROM jobs WHERE state NOT IN ('queued', 'running') ORDER BY created LIMIT ?1)";
constexpr const char* agedJobs = "DELETE FROM jobs WHERE state NOT IN ('queued', 'running') AND created < ?1";
#undef HISTORY
} // namespace

Result<Removed> Store::collectHistory(int64_t rows, double before, const std::function<bool()>& ending) {
  Removed out;
  const auto count = [&](const char* sql) { return attempt([&] { return numberOf(*database_, sql); }); };
  // `limit` gives ?3 of the next slice; at 0 the walk is over.
  const auto walk = [&](const Aged& table, int64_t& gone, const auto& limit) -> Result<void> {
    for (int64_t behind = 0; limit() > 0;) {
      if (auto on = goOn(ending, droppingHistory); !on) return on;
      auto last = change([&] {
        const int64_t end = numberOf(*database_, table.next, behind, slice);
        if (end > 0) gone += run(*database_, table.drop, behind, end, limit());
        return end;
      });
      if (!last) return fail(last.error());
      if (*last == 0) return {};
      behind = *last;
      letOthersIn();
    }
    return {};
  };
  const auto walkAged = [&](const Aged& table, int64_t& gone) {
    return walk(table, gone, [&] { return before; });
  };
  const auto shrinkMeasurements = [&]() -> Result<void> {
    auto total = count("SELECT count(*) FROM measurements");
    if (!total) return fail(total.error());
    const int64_t left = out.measurements + *total - rows; // gone, when there are as many as may be
    return walk(oldestMeasurements, out.measurements, [&] { return left - out.measurements; });
  };
  const auto shrinkJobs = [&]() -> Result<void> {
    auto total = count("SELECT count(*) FROM jobs");
    if (!total) return fail(total.error());
    for (int64_t over = *total - rows; over > 0;) {
      if (auto on = goOn(ending, droppingHistory); !on) return on;
      auto went = change([&] { return run(*database_, oldestJobs, std::min(over, slice)); });
      if (!went) return fail(went.error());
      if (*went == 0) break; // the rest are queued or running
      out.jobs += *went;
      over -= *went;
      letOthersIn();
    }
    return {};
  };
  int64_t unasked = 0;
  auto old = change([&] { return run(*database_, agedJobs, before); });
  if (!old) return fail(old.error());
  out.jobs = *old;
  if (auto done = walkAged(agedMeasurements, out.measurements); !done) return fail(done.error());
  if (auto done = shrinkMeasurements(); !done) return fail(done.error());
  if (auto done = shrinkJobs(); !done) return fail(done.error());
  if (auto done = walkAged(agedBuilds, out.builds); !done) return fail(done.error());
  if (auto done = walkAged(agedSearches, unasked); !done) return fail(done.error());
  if (auto done = walkAged(agedProblems, unasked); !done) return fail(done.error());
  return out;
}

} // namespace tuned::store
