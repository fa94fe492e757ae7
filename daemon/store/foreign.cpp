// Builds of other compilers, which cannot be built again: how many there are, and which go.
#include "base/clock.h"
#include "daemon/store/attempt.h"

#include <algorithm>

namespace tuned::store {

namespace {
constexpr const char* beside =
    "SELECT count(*) FROM problems p JOIN builds b ON b.problem = p.id WHERE p.kernel = ? AND p.sizes = ? "
    "AND "
    "b.origin <> '' AND NOT (b.configuration = ? AND b.toolchain = ? AND b.options = ? AND b.origin = ?)";

/// Binaries by age, in slices, behind one that is told by ?1, ?2 and ?3; the last columns say whether it is
/// another compiler's, and whether a finalist that stands needs it.
constexpr const char* byAge =
    "SELECT a.sha, a.size, a.created, EXISTS (SELECT 1 FROM builds b WHERE b.artefact = a.sha AND b.artefact "
    "<> "
    "'' AND b.origin <> ''), EXISTS (SELECT 1 FROM builds b JOIN measurements m ON m.build = b.id WHERE "
    "b.artefact = a.sha AND b.artefact <> '' AND m.standing = 1 AND m.stage = 1) FROM artefacts a INDEXED BY "
    "artefacts_by_age WHERE (a.created, a.size, a.sha) > (?1, ?2, ?3) ORDER BY a.created, a.size, a.sha "
    "LIMIT "
    "512";
constexpr size_t mostAtOnce = 64;       // that go in one slice
constexpr int64_t leastCharge = 16'384; // bytes
constexpr const char* collection = "dropping builds of others";

/// How far a walk through the binaries has come.
struct Walk {
  double created = -1;
  int64_t size = 0;
  std::string sha;
  int64_t charged = 0; ///< in the last slice
  std::vector<std::string> going = {};
  bool over = false;
};

/// The next slice: what of it is foreign, and of that, as far as `enough` asks for, what may go.
Walk next(Database& db, const Walk& from, int64_t enough) {
  Walk to{from.created, from.size, from.sha, 0, {}, true};
  auto row = query(db, byAge, from.created, from.size, from.sha);
  while (to.going.size() < mostAtOnce && (enough < 0 || to.charged < enough) && row.executeStep()) {
    to.sha = text(row, 0), to.size = number(row, 1), to.created = real(row, 2), to.over = false;
    if (number(row, 3) == 0 || (enough >= 0 && number(row, 4) != 0)) continue;
    to.charged += std::max(to.size, leastCharge);
    if (enough >= 0) to.going.push_back(to.sha);
  }
  return to;
}
} // namespace

Result<int64_t> Store::foreignBuildsBeside(const BuildKey& key) {
  return attempt([&] {
    return numberOf(*database_, beside, key.kernel, key.sizes, key.configuration, key.toolchain, key.options,
                    key.origin);
  });
}

// As a collection, in slices: first counted, then dropped.
Result<Removed> Store::collectForeign(int64_t bytes, const std::function<bool()>& ending) {
  int64_t total = 0;
  for (Walk walk; !walk.over;) {
    if (auto on = goOn(ending, collection); !on) return fail(on.error());
    auto slice = attempt([&] { return next(*database_, walk, -1); });
    if (!slice) return fail(slice.error());
    walk = std::move(*slice);
    total += walk.charged;
    letOthersIn();
  }
  Removed out;
  for (Walk walk; !walk.over && total > bytes;) {
    if (auto on = goOn(ending, collection); !on) return fail(on.error());
    int64_t builds = 0;
    auto slice = change([&] {
      Changes changes(*database_);
      Walk to = next(*database_, walk, total - bytes);
      for (const std::string& sha : to.going) {
        run(*database_, "DELETE FROM artefacts WHERE sha = ?", sha);
        builds +=
            run(*database_,
                "DELETE FROM builds AS b WHERE artefact = ? AND origin <> '' AND NOT EXISTS (SELECT 1 FROM "
                "measurements WHERE build = b.id)",
                sha);
      }
      changes.commit();
      return to;
    });
    if (!slice) return fail(slice.error());
    walk = std::move(*slice);
    total -= walk.charged;
    out.artefacts += static_cast<int64_t>(walk.going.size());
    out.bytes += walk.charged;
    out.builds += builds;
    letOthersIn();
  }
  return out;
}

} // namespace tuned::store
