// The part of the store that keeps winners and their artefacts, and trusts neither when it reads them.
#include "base/sha256.h"
#include "daemon/store/attempt.h"
#include "daemon/store/compress.h"

namespace tuned::store {

namespace {
constexpr const char* noWinner = "no winner is known for this problem";

/// Columns: kernel, sizes, target, device, artefact, body, created, body_sha, problem.
WinnerRecord read(const Statement& row) {
  return {{row.text(0), row.text(1), row.text(2)}, row.text(3), row.text(4), row.text(5), row.real(6)};
}
bool sound(const Statement& row) {
  return sha256(row.text(5)) == row.text(7);
}
} // namespace

Result<void> Store::putWinner(const ProblemKey& problem, const std::string& configuration,
                              const std::string& body, const ArtefactRecord& artefact) {
  if (sha256(artefact.bytes) != artefact.sha)
    return fail(ErrorKind::Internal, "an artefact's SHA-256 does not match its bytes before it is stored");
  std::string compressed = compress(artefact.bytes);
  return attempt([&] {
    Transaction transaction(*database_);
    int64_t id = problemId(problem);
    // Replaces: the row that is there may be the damaged one that made the tuner run again.
    Statement(*database_,
              "INSERT INTO artefacts(sha, format, target, size, compressed) VALUES(?, ?, ?, ?, ?) "
              "ON CONFLICT(sha) DO UPDATE SET size = excluded.size, compressed = excluded.compressed")
        .bind(artefact.sha)
        .bind(artefact.format)
        .bind(artefact.target)
        .bind(static_cast<int64_t>(artefact.bytes.size()))
        .bindBlob(compressed)
        .run();
    Statement(*database_,
              "INSERT INTO winners(problem, trial, artefact, body, body_sha, created) VALUES(?1, "
              "(SELECT max(id) FROM trials WHERE problem = ?1 AND configuration = ?2), ?3, ?4, ?5, ?6) "
              "ON CONFLICT(problem) DO UPDATE SET trial = excluded.trial, artefact = excluded.artefact, "
              "body = excluded.body, body_sha = excluded.body_sha, created = excluded.created")
        .bind(id)
        .bind(configuration)
        .bind(artefact.sha)
        .bind(body)
        .bind(sha256(body))
        .bind(now())
        .run();
    Statement(*database_, "UPDATE problems SET failure = '' WHERE id = ?").bind(id).run();
    Statement(*database_, "DELETE FROM artefacts WHERE sha NOT IN (SELECT artefact FROM winners)").run();
    transaction.commit();
  });
}

Result<WinnerRecord> Store::winner(const ProblemKey& problem) {
  auto found = attempt([&]() -> WinnerRecord {
    Statement row(
        *database_,
        "SELECT p.kernel, p.sizes, p.target, g.device, w.artefact, w.body, w.created, w.body_sha, p.id "
        "FROM winners w JOIN problems p ON p.id = w.problem JOIN targets g ON g.id = p.target "
        "WHERE p.kernel = ? AND p.sizes = ? AND p.target = ?");
    row.bind(problem.kernel).bind(problem.sizes).bind(problem.target);
    if (!row.step()) return {};
    if (sound(row)) return read(row);
    Statement(*database_, "DELETE FROM winners WHERE problem = ?").bind(row.number(8)).run();
    notice("the winner of kernel " + problem.kernel + " for " + problem.sizes +
           " did not match its checksum; it was dropped and will be tuned again");
    return {};
  });
  if (found && found->artefact.empty()) return fail(ErrorKind::NotFound, noWinner);
  return found;
}

Result<WinnerRecord> Store::staleWinner(const ProblemKey& problem, const std::string& hardware) {
  auto found = attempt([&]() -> WinnerRecord {
    Statement row(
        *database_,
        "SELECT p.kernel, p.sizes, p.target, g.device, w.artefact, w.body, w.created, w.body_sha, p.id "
        "FROM winners w JOIN problems p ON p.id = w.problem JOIN targets g ON g.id = p.target "
        "WHERE p.kernel = ? AND p.sizes = ? AND g.hardware = ? AND g.id <> ? ORDER BY w.created DESC");
    row.bind(problem.kernel).bind(problem.sizes).bind(hardware).bind(problem.target);
    while (row.step())
      if (sound(row)) return read(row);
    return {};
  });
  if (found && found->artefact.empty()) return fail(ErrorKind::NotFound, noWinner);
  return found;
}

Result<std::vector<WinnerRecord>> Store::winners(const std::string& kernel, const std::string& device) {
  return attempt([&] {
    std::vector<WinnerRecord> out;
    Statement row(
        *database_,
        "SELECT p.kernel, p.sizes, p.target, g.device, w.artefact, w.body, w.created, w.body_sha, p.id "
        "FROM winners w JOIN problems p ON p.id = w.problem JOIN targets g ON g.id = p.target "
        "JOIN kernels k ON k.id = p.kernel WHERE (?1 = '' OR p.kernel = ?1 OR k.name = ?1) "
        "AND (?2 = '' OR g.device = ?2) ORDER BY w.created DESC");
    row.bind(kernel).bind(device);
    while (row.step())
      if (sound(row)) out.push_back(read(row));
    return out;
  });
}

Result<ArtefactRecord> Store::artefact(const std::string& sha) {
  auto found = attempt([&]() -> ArtefactRecord {
    Statement row(*database_, "SELECT format, target, size, compressed FROM artefacts WHERE sha = ?");
    row.bind(sha);
    if (!row.step()) return {};
    auto bytes = decompress(row.text(3), static_cast<size_t>(row.number(2)));
    if (bytes && sha256(*bytes) == sha) return {sha, row.text(0), row.text(1), std::move(*bytes)};
    Transaction transaction(*database_);
    Statement(*database_, "DELETE FROM winners WHERE artefact = ?").bind(sha).run();
    Statement(*database_, "DELETE FROM artefacts WHERE sha = ?").bind(sha).run();
    transaction.commit();
    notice("artefact " + sha +
           " did not match its SHA-256; it was dropped with its winner and will be tuned again");
    return {};
  });
  if (found && found->sha.empty())
    return fail(ErrorKind::NotFound, "no artefact " + sha + " is stored",
                "ask for the best configuration again");
  return found;
}

} // namespace tuned::store
