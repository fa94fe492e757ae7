// The part of the store that keeps builds and their binaries, and trusts neither when it reads them.
#include "base/clock.h"
#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/store/attempt.h"
#include "daemon/store/file/checksum.h"
#include "daemon/store/file/compress.h"
#include "daemon/store/rows.h"

namespace tuned::store {

namespace {
/// Columns: id, kernel, sizes, configuration, toolchain, options, origin, artefact, body, created, sum.
constexpr const char* byKey =
    "SELECT b.id, p.kernel, p.sizes, b.configuration, b.toolchain, b.options, b.origin, b.artefact, b.body, "
    "b.created, b.sum FROM problems p JOIN builds b ON b.problem = p.id WHERE p.kernel = ? AND p.sizes = ? "
    "AND b.configuration = ? AND b.toolchain = ? AND b.options = ? AND b.origin = ?";
constexpr const char* byId =
    "SELECT b.id, p.kernel, p.sizes, b.configuration, b.toolchain, b.options, b.origin, b.artefact, b.body, "
    "b.created, b.sum FROM builds b JOIN problems p ON p.id = b.problem WHERE b.id = ?";
constexpr const char* ofProblem =
    "SELECT b.id, b.configuration, b.artefact, b.body, b.sum, a.sha IS NOT NULL FROM problems p "
    "JOIN builds b ON b.problem = p.id LEFT JOIN artefacts a ON a.sha = b.artefact "
    "WHERE p.kernel = ? AND p.sizes = ? AND b.toolchain = ? AND b.options = '' AND b.origin = ''";
constexpr const char* ofOthers =
    "SELECT b.id, p.kernel, p.sizes, b.configuration, b.toolchain, b.options, b.origin, b.artefact, b.body, "
    "b.created, b.sum FROM problems p JOIN builds b ON b.problem = p.id WHERE p.kernel = ? AND p.sizes = ? "
    "AND b.origin <> '' ORDER BY b.id";
/// Of a configuration's builds the last in this order counts.
constexpr const char* loadableOnes =
    "SELECT b.id, p.kernel, p.sizes, b.configuration, b.toolchain, b.options, b.origin, b.artefact, b.body, "
    "b.created, b.sum FROM problems p JOIN builds b ON b.problem = p.id JOIN artefacts a ON a.sha = "
    "b.artefact WHERE p.kernel = ? AND p.sizes = ? AND b.origin = '' AND a.target = ? "
    "ORDER BY b.configuration, b.toolchain = ?, b.created, b.id";
/// What was measured on this hardware before an upgrade is stale, which is another thing: the next who asks
/// has it searched again, with the new compiler's builds beside the old.
constexpr const char* withoutMeasurement =
    "SELECT p.id, p.kernel, p.sizes FROM problems p WHERE p.id > ?3 AND NOT EXISTS ("
    "SELECT 1 FROM measurements m JOIN targets g ON g.id = m.target WHERE m.problem = p.id AND m.standing > "
    "0 "
    "AND (m.target = ?2 OR g.hardware = (SELECT hardware FROM targets WHERE id = ?2))) AND EXISTS ("
    "SELECT 1 FROM builds b JOIN artefacts a ON a.sha = b.artefact "
    "WHERE b.problem = p.id AND b.origin = '' AND a.target = ?1) ORDER BY p.id LIMIT ?4";
constexpr const char* matching =
    "SELECT b.id, p.kernel, p.sizes, b.configuration, b.toolchain, b.options, b.origin, b.artefact, b.body, "
    "b.created, b.sum FROM builds b JOIN problems p ON p.id = b.problem WHERE b.id > ?1 AND "
    "(?2 = '' OR p.kernel = ?2 OR p.kernel IN (SELECT d.kernel FROM names n JOIN documents d ON d.sha = "
    "n.document WHERE n.name = ?2)) AND (?3 = '' OR p.sizes = ?3) ORDER BY b.id LIMIT 256";

/// Nothing when the row does not match its checksum.
std::optional<BuildRecord> read(const SQLite::Statement& row) {
  BuildRecord out;
  out.id = number(row, 0);
  out.key = {text(row, 1), text(row, 2), text(row, 3), text(row, 4), text(row, 5), text(row, 6)};
  const std::string body = text(row, 8);
  auto build = model::fromText<Build>(body);
  if (!build || build->artefact != textAt(row, 7) || buildSum(out.key, body) != textAt(row, 10))
    return std::nullopt;
  out.build = std::move(*build);
  out.created = real(row, 9);
  return out;
}
} // namespace

void Store::dropBuild(int64_t id, const std::string& what) {
  const std::string damaged = "a build of kernel " + what + " did not match its checksum; ";
  const bool dropped = !readOnly_ && discard(*database_, path_, [&] {
    Changes changes(*database_);
    run(*database_, "DELETE FROM measurements WHERE build = ?", id);
    run(*database_, "DELETE FROM builds WHERE id = ?", id);
    changes.commit();
  });
  if (!dropped) return noticeNew({damaged + "it is passed over, as the cache cannot be written"});
  notice(damaged + "it was dropped with what was measured of it and will be built again");
}

Result<int64_t> Store::putBuild(const BuildKey& key, const Build& build, std::string_view binary) {
  if (!binary.empty() && sha256(binary) != build.artefact)
    return fail(ErrorKind::Internal, "an artefact's SHA-256 does not match its bytes before it is stored");
  const std::string compressed = binary.empty() ? "" : compress(binary);
  return change([&] {
    Changes changes(*database_);
    if (!binary.empty())
      writeArtefact(*database_, build.artefact, build.format, build.target,
                    static_cast<int64_t>(binary.size()), compressed, unixNow());
    const int64_t id = writeBuild(*database_, key, build, unixNow());
    changes.commit();
    return id;
  });
}

Result<BuildRecord> Store::build(const BuildKey& key) {
  auto found = attempt([&]() -> std::optional<BuildRecord> {
    auto row = query(*database_, byKey, key.kernel, key.sizes, key.configuration, key.toolchain, key.options,
                     key.origin);
    if (!row.executeStep()) return std::nullopt;
    auto build = read(row);
    if (!build) dropBuild(number(row, 0), key.kernel + " for " + key.sizes);
    return build;
  });
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorKind::NotFound, "there is no such build");
  return std::move(**found);
}

Result<BuildRecord> Store::build(int64_t id) {
  auto found = attempt([&]() -> std::optional<BuildRecord> {
    auto row = query(*database_, byId, id);
    if (!row.executeStep()) return std::nullopt;
    auto build = read(row);
    if (!build) dropBuild(id, text(row, 1) + " for " + text(row, 2));
    return build;
  });
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorKind::NotFound, "there is no build " + std::to_string(id));
  return std::move(**found);
}

Result<std::map<std::string, Store::Made>> Store::made(const std::string& kernel, const std::string& sizes,
                                                       const std::string& toolchain) {
  return attempt([&] {
    std::map<std::string, Made> out;
    std::vector<int64_t> damaged;
    auto row = query(*database_, ofProblem, kernel, sizes, toolchain);
    while (row.executeStep()) {
      const std::string configuration = text(row, 1);
      const std::string_view artefact = textAt(row, 2), body = textAt(row, 3);
      Made one{!artefact.empty(), number(row, 5) != 0, {}};
      // The sum answers for the body, and the body names the artefact: parsing it would take the most time.
      bool sound = buildSum({kernel, sizes, configuration, toolchain, "", ""}, body) == textAt(row, 4) &&
                   (!one.built || body.find(artefact) != std::string_view::npos);
      if (sound && !one.built) {
        auto build = model::fromText<Build>(std::string(body));
        sound = build && !build->built();
        if (sound) one.failure = std::move(*build);
      }
      if (sound)
        out.emplace(configuration, std::move(one));
      else
        damaged.push_back(number(row, 0));
    }
    const std::string what = kernel + " for " + sizes;
    for (int64_t id : damaged)
      dropBuild(id, what);
    return out;
  });
}

Result<std::vector<BuildRecord>> Store::foreignBuilds(const std::string& kernel, const std::string& sizes) {
  return attempt([&] {
    std::vector<BuildRecord> out;
    auto row = query(*database_, ofOthers, kernel, sizes);
    while (row.executeStep())
      if (auto build = read(row)) out.push_back(std::move(*build));
    return out;
  });
}

Result<std::vector<Store::Unmeasured>>
Store::unmeasured(const std::string& architecture, const std::string& target, int64_t after, int64_t limit) {
  return attempt([&] {
    std::vector<Unmeasured> out;
    auto row = query(*database_, withoutMeasurement, architecture, target, after, limit);
    while (row.executeStep())
      out.push_back({number(row, 0), text(row, 1), text(row, 2)});
    return out;
  });
}

Result<std::vector<BuildRecord>> Store::loadable(const std::string& kernel, const std::string& sizes,
                                                 const std::string& architecture,
                                                 const std::string& toolchain) {
  return attempt([&] {
    std::vector<BuildRecord> out;
    auto row = query(*database_, loadableOnes, kernel, sizes, architecture, toolchain);
    while (row.executeStep()) {
      auto build = read(row);
      if (!build) continue; // it is dropped where it is asked for by name
      if (!out.empty() && out.back().key.configuration == build->key.configuration)
        out.back() = std::move(*build);
      else
        out.push_back(std::move(*build));
    }
    return out;
  });
}

Result<void> Store::eachBuild(const Filter& filter,
                              const std::function<Result<void>(const BuildRecord&)>& visit) {
  // In slices, so that a long walk keeps nobody waiting and holds little memory.
  for (int64_t last = 0;;) {
    int64_t end = last; // of the slice, which is read again where damage is healed
    auto slice = attempt([&] {
      std::vector<std::optional<BuildRecord>> out;
      std::vector<std::pair<int64_t, std::string>> damaged;
      auto row = query(*database_, matching, last, filter.kernel, filter.sizes);
      while (row.executeStep()) {
        end = number(row, 0);
        out.push_back(read(row));
        if (!out.back()) damaged.emplace_back(end, text(row, 1) + " for " + text(row, 2));
      }
      for (const auto& [id, what] : damaged)
        dropBuild(id, what);
      return out;
    });
    if (!slice) return fail(slice.error());
    if (slice->empty()) return {};
    last = end;
    for (const auto& build : *slice)
      if (build)
        if (auto done = visit(*build); !done) return done;
  }
}

Result<bool> Store::hasArtefact(const std::string& sha) {
  return attempt(
      [&] { return numberOf(*database_, "SELECT count(*) FROM artefacts WHERE sha = ?", sha) > 0; });
}

Result<ArtefactRecord> Store::artefact(const std::string& sha) {
  auto found = attempt([&]() -> ArtefactRecord {
    auto row = query(*database_, "SELECT format, target, size, compressed FROM artefacts WHERE sha = ?", sha);
    if (!row.executeStep()) return {};
    auto bytes = decompress(textAt(row, 3), static_cast<size_t>(number(row, 2)));
    if (bytes && sha256(*bytes) == sha) return {sha, text(row, 0), text(row, 1), std::move(*bytes)};
    const std::string damaged = "artefact " + sha + " did not match its SHA-256; ";
    if (!readOnly_ &&
        discard(*database_, path_, [&] { run(*database_, "DELETE FROM artefacts WHERE sha = ?", sha); }))
      notice(damaged + "it was dropped and will be built again");
    else
      noticeNew({damaged + "it is passed over, as the cache cannot be written"});
    return {};
  });
  if (found && found->sha.empty())
    return fail(ErrorKind::NotFound, "no artefact " + sha + " is stored",
                "ask for the best configuration again");
  return found;
}

} // namespace tuned::store
