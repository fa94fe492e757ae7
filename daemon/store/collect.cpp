// What goes: by hand, and binaries that nobody will ask for.
#include "base/clock.h"
#include "daemon/store/attempt.h"

#include <limits>

namespace tuned::store {

namespace {
/// ?1 kernel's id or a name, ?2 sizes.
constexpr const char* listProblems =
    "CREATE TEMP TABLE going AS SELECT id FROM problems p WHERE (?1 = '' OR p.kernel = ?1 OR p.kernel IN "
    "(SELECT d.kernel FROM names n JOIN documents d ON d.sha = n.document WHERE n.name = ?1)) "
    "AND (?2 = '' OR p.sizes = ?2)";

constexpr const char* collection = "dropping binaries";

/// Binaries by age, in slices: what stays is looked at once and never again. ?1: put before; ?2, ?3, ?4:
/// behind this one; the last column says whether it goes.
#define BY_AGE(goes)                                                                                         \
  "SELECT a.sha, a.size, a.created, " goes                                                                   \
  " FROM artefacts a INDEXED BY artefacts_by_age WHERE a.created < ?1 AND (a.created, a.size, a.sha) > "     \
  "(?2, ?3, ?4) ORDER BY a.created, a.size, a.sha LIMIT 512"
/// Those of losers: no finalist that stands, and nobody else's.
constexpr const char* oldest = BY_AGE(
    "NOT EXISTS (SELECT 1 FROM builds b WHERE b.artefact = a.sha AND b.artefact <> '' AND (b.origin <> '' OR "
    "NOT EXISTS (SELECT 1 FROM measurements m WHERE m.build = b.id) OR EXISTS (SELECT 1 FROM measurements m "
    "WHERE m.build = b.id AND m.standing = 1 AND m.stage = 1)))");
/// The same for what is so old that it goes whatever it is, finalists that stand excepted.
constexpr const char* aged = BY_AGE(
    "NOT EXISTS (SELECT 1 FROM builds b JOIN measurements m ON m.build = b.id WHERE b.artefact = a.sha AND "
    "b.artefact <> '' AND m.standing = 1 AND m.stage = 1)");
#undef BY_AGE
constexpr size_t mostAtOnce = 64; // that go in one slice

/// How far a walk through the binaries has come, and what went in its last slice.
struct Walk {
  double created = -1;
  int64_t size = 0;
  std::string sha;
  Removed gone;
  bool over = false;
};
} // namespace

Result<Removed> Store::forget(const Filter& filter) {
  return change([&] {
    Database& db = *database_;
    Changes changes(db);
    db.exec("DROP TABLE IF EXISTS temp.going");
    run(db, listProblems, filter.kernel, filter.sizes);
    Removed out;
    constexpr const char* ofDevice =
        "(?1 = '' OR target IN (SELECT id FROM targets WHERE device = ?1 OR id = ?1))";
    static const std::string measured =
        std::string("DELETE FROM measurements WHERE problem IN (SELECT id FROM temp.going) AND ") + ofDevice;
    static const std::string searched =
        std::string("DELETE FROM searches WHERE problem IN (SELECT id FROM temp.going) AND ") + ofDevice;
    out.measurements = run(db, measured, filter.device);
    run(db, searched, filter.device);
    if (filter.device.empty()) {
      // What others brought ready-made cannot be built again: it goes only with its kernel.
      const bool whole = !filter.kernel.empty() && filter.sizes.empty();
      out.builds =
          run(db, "DELETE FROM builds WHERE problem IN (SELECT id FROM temp.going) AND (?1 OR origin = '')",
              int64_t{whole});
      if (whole) {
        // A name may stand for another kernel by now: only the documents of the kernels found go.
        run(db,
            "DELETE FROM names WHERE document IN (SELECT sha FROM documents WHERE kernel = ?1 OR kernel IN "
            "(SELECT d.kernel FROM names n JOIN documents d ON d.sha = n.document WHERE n.name = ?1))",
            filter.kernel);
        out.documents =
            run(db, "DELETE FROM documents WHERE NOT EXISTS(SELECT 1 FROM names WHERE document = sha)");
      }
    }
    db.exec("DROP TABLE temp.going");
    changes.commit();
    return out;
  });
}

// In slices, each a transaction of its own: others are served in between, and a collection that is cut short
// has done that much.
Result<Removed> Store::collect(int64_t bytes, double before, const std::function<bool()>& ending) {
  auto total = change([&] {
    return numberOf(*database_, "SELECT coalesce(sum(size), 0) FROM artefacts INDEXED BY artefacts_by_age");
  });
  if (!total) return fail(total.error());
  const auto drop = [&](const char* byAge, double limit, int64_t enough, const Walk& from) {
    return change([&] {
      Database& db = *database_;
      Changes changes(db);
      std::vector<std::string> going;
      Walk to{from.created, from.size, from.sha, {}, true};
      {
        auto row = query(db, byAge, limit, from.created, from.size, from.sha);
        while (to.gone.bytes < enough && going.size() < mostAtOnce && row.executeStep()) {
          to.sha = text(row, 0), to.size = number(row, 1), to.created = real(row, 2), to.over = false;
          if (number(row, 3) == 0) continue;
          going.push_back(to.sha);
          to.gone.bytes += to.size;
        }
      }
      for (const std::string& sha : going)
        run(db, "DELETE FROM artefacts WHERE sha = ?", sha);
      to.gone.artefacts = static_cast<int64_t>(going.size());
      changes.commit();
      return to;
    });
  };
  Removed out;
  const auto slices = [&](const char* byAge, double limit, int64_t within) -> Result<void> {
    constexpr int64_t all = std::numeric_limits<int64_t>::max();
    for (Walk walk; *total > within;) {
      if (auto on = goOn(ending, collection); !on) return on;
      auto next = drop(byAge, limit, within < 0 ? all : *total - within, walk);
      if (!next) return fail(next.error());
      if (next->over) break;
      walk = std::move(*next);
      out.artefacts += walk.gone.artefacts;
      out.bytes += walk.gone.bytes;
      *total -= walk.gone.bytes;
      letOthersIn();
    }
    return {};
  };
  auto done = slices(aged, before, -1);
  if (done) done = slices(oldest, unixNow() + 1, bytes);
  // The pages go back to the file system, some megabytes at a time; those that do not, the next daemon fills.
  for (int64_t last = -1; done && out.artefacts > 0 && goOn(ending, collection);) {
    auto left = change([&] {
      database_->exec("PRAGMA incremental_vacuum(2048)");
      return numberOf(*database_, "PRAGMA freelist_count");
    });
    if (!left || *left == 0 || *left == last) break;
    last = *left;
    letOthersIn();
  }
  return done ? Result<Removed>(out) : fail(done.error());
}

} // namespace tuned::store
