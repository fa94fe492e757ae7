// What goes: by hand, and binaries that nobody will ask for.
#include "base/clock.h"
#include "daemon/store/attempt.h"

#include <limits>

namespace tuned::store {

namespace {
/// ?1 kernel's id or a name, ?2 sizes, ?3: behind this number.
constexpr const char* nextProblems =
    "SELECT p.id FROM problems p WHERE p.id > ?3 AND (?1 = '' OR p.kernel = ?1 OR p.kernel IN "
    "(SELECT d.kernel FROM names n JOIN documents d ON d.sha = n.document WHERE n.name = ?1)) "
    "AND (?2 = '' OR p.sizes = ?2) ORDER BY p.id LIMIT 32";
/// ?1: of this problem, ?2: of a device or a target, or all.
#define OF_DEVICE "(?2 = '' OR target IN (SELECT id FROM targets WHERE device = ?2 OR id = ?2))"
constexpr const char* measuredOf = "DELETE FROM measurements WHERE problem = ?1 AND " OF_DEVICE;
constexpr const char* searchedOf = "DELETE FROM searches WHERE problem = ?1 AND " OF_DEVICE;
#undef OF_DEVICE
/// What others brought ready-made cannot be built again: it goes only with its kernel (?2).
constexpr const char* builtOf = "DELETE FROM builds WHERE problem = ?1 AND (?2 OR origin = '')";
/// A name may stand for another kernel by now: only the documents of the kernels found go.
constexpr const char* namesOf =
    "DELETE FROM names WHERE document IN (SELECT sha FROM documents WHERE kernel = ?1 OR kernel IN "
    "(SELECT d.kernel FROM names n JOIN documents d ON d.sha = n.document WHERE n.name = ?1))";
constexpr const char* namelessDocuments =
    "DELETE FROM documents WHERE NOT EXISTS(SELECT 1 FROM names WHERE document = sha)";

constexpr const char* forgetting = "forgetting";
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

// As a collection, in slices; the kernel's names go last, so that one that was cut short can be named again.
Result<Removed> Store::forget(const Filter& filter, const std::function<bool()>& ending) {
  const bool builds = filter.device.empty(), whole = builds && !filter.kernel.empty() && filter.sizes.empty();
  const auto drop = [&](int64_t behind, Removed& out) {
    return change([&]() -> int64_t {
      Database& db = *database_;
      Changes changes(db);
      std::vector<int64_t> problems;
      {
        auto row = query(db, nextProblems, filter.kernel, filter.sizes, behind);
        while (row.executeStep())
          problems.push_back(number(row, 0));
      }
      Removed gone;
      for (const int64_t problem : problems) {
        gone.measurements += run(db, measuredOf, problem, filter.device);
        run(db, searchedOf, problem, filter.device);
        if (builds) gone.builds += run(db, builtOf, problem, int64_t{whole});
      }
      changes.commit();
      out.measurements += gone.measurements;
      out.builds += gone.builds;
      return problems.empty() ? 0 : problems.back();
    });
  };
  Removed out;
  for (int64_t behind = 0;;) {
    if (auto on = goOn(ending, forgetting); !on) return fail(on.error());
    auto last = drop(behind, out);
    if (!last) return fail(last.error());
    if (*last == 0) break;
    behind = *last;
    letOthersIn();
  }
  if (!whole) return out;
  auto documents = change([&] {
    Changes changes(*database_);
    run(*database_, namesOf, filter.kernel);
    const int64_t gone = run(*database_, namelessDocuments);
    changes.commit();
    return gone;
  });
  if (!documents) return fail(documents.error());
  out.documents = *documents;
  return out;
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
