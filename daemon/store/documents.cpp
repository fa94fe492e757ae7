// The part of the store that keeps kernel documents. A name belongs to who gave it.
#include "base/clock.h"
#include "base/sha256.h"
#include "daemon/store/attempt.h"

namespace tuned::store {

namespace {
/// Columns: sha, kernel, name, owner, text, created.
DocumentRecord read(const SQLite::Statement& row) {
  return {text(row, 0), text(row, 1), text(row, 2), text(row, 3), text(row, 4), real(row, 5)};
}

// ?1 what is wanted, ?2 the owner. The owner's last counts first; of others, whoever gave the name first.
#define DOCUMENTS                                                                                            \
  "SELECT d.sha, d.kernel, n.name, n.owner, d.text, d.created FROM documents d JOIN names n ON n.document "  \
  "= "                                                                                                       \
  "d.sha WHERE "
#define BY_OWNER " ORDER BY n.owner = ?2 DESC, CASE WHEN n.owner = ?2 THEN -n.updated ELSE n.given END"
constexpr const char* bySha = DOCUMENTS "d.sha = ?1" BY_OWNER;
constexpr const char* byKernel = DOCUMENTS "d.kernel = ?1" BY_OWNER;
constexpr const char* byName = DOCUMENTS "n.name = ?1" BY_OWNER;
#undef DOCUMENTS
#undef BY_OWNER

struct Named {
  std::string sha; ///< empty: there is none
  int64_t bytes = 0;
};

/// The document that an owner's name stands for.
Named named(Database& database, const std::string& name, const std::string& owner) {
  auto row =
      query(database,
            "SELECT d.sha, length(CAST(d.text AS BLOB)) FROM names n JOIN documents d ON d.sha = n.document "
            "WHERE n.name = ? AND n.owner = ?",
            name, owner);
  return row.executeStep() ? Named{text(row, 0), number(row, 1)} : Named{};
}
} // namespace

Result<void> Store::putDocument(const DocumentRecord& document) {
  if (sha256(document.text) != document.sha)
    return fail(ErrorKind::Internal, "a document's SHA-256 does not match its text before it is stored");
  // A full disk must not keep a kernel that is known from being asked for.
  // 1: it is known; 2: and no other document of its kernel was given since by the same owner.
  auto known = attempt([&] {
    return numberOf(
        *database_,
        "SELECT count(*) + coalesce(sum(n.updated >= (SELECT max(m.updated) FROM documents e "
        "JOIN names m ON m.document = e.sha WHERE e.kernel = d.kernel AND m.owner = n.owner)), 0) "
        "FROM documents d JOIN names n ON n.document = d.sha "
        "WHERE d.sha = ? AND d.text = ? AND n.name = ? AND n.owner = ?",
        document.sha, document.text, document.name, document.owner);
  });
  if (!known) return fail(known.error());
  if (*known == 2) return {};
  auto kept = change([&] {
    Changes changes(*database_);
    const std::string before = named(*database_, document.name, document.owner).sha;
    run(*database_,
        "INSERT INTO documents(sha, kernel, text, created) VALUES(?, ?, ?, ?) "
        "ON CONFLICT(sha) DO UPDATE SET kernel = excluded.kernel, text = excluded.text",
        document.sha, document.kernel, document.text, unixNow());
    run(*database_,
        "INSERT INTO names(name, owner, document, given, updated) VALUES(?1, ?2, ?3, ?4, ?4) "
        "ON CONFLICT(name, owner) DO UPDATE SET document = excluded.document, updated = excluded.updated",
        document.name, document.owner, document.sha, unixNow());
    // Without a name it would never be found again.
    if (!before.empty())
      run(*database_,
          "DELETE FROM documents WHERE sha = ?1 AND NOT EXISTS(SELECT 1 FROM names WHERE document = ?1)",
          before);
    changes.commit();
  });
  if (!kept && *known == 1 &&
      (kept.error().kind == ErrorKind::OutOfResources || kept.error().kind == ErrorKind::Denied))
    return {};
  return kept;
}

Result<DocumentRecord> Store::document(const std::string& wanted, const std::string& owner) {
  auto found = attempt([&]() -> DocumentRecord {
    for (const char* sql : {bySha, byKernel, byName}) {
      auto row = query(*database_, sql, wanted, owner);
      while (row.executeStep()) {
        DocumentRecord out = read(row);
        if (sha256(out.text) == out.sha) return out;
        notice("the document " + out.sha + " of kernel " + out.name +
               " did not match its SHA-256; it is passed over until it is submitted again");
      }
    }
    return {};
  });
  if (found && found->sha.empty())
    return fail(ErrorKind::NotFound, "no kernel '" + wanted + "' was submitted", "submit its document first");
  return found;
}

Result<Held> Store::held(const std::string& owner) {
  return attempt([&] {
    auto row = query(*database_,
                     "SELECT count(*), coalesce(sum(length(CAST(d.text AS BLOB))), 0) FROM names n "
                     "JOIN documents d ON d.sha = n.document WHERE n.owner = ?",
                     owner);
    row.executeStep();
    return Held{number(row, 0), number(row, 1)};
  });
}

Result<int64_t> Store::bytesNamed(const std::string& name, const std::string& owner) {
  return attempt([&] { return named(*database_, name, owner).bytes; });
}

Result<DocumentPage> Store::documentPage(const DocumentPage::Place& behind, int64_t limit, int64_t bytes) {
  return attempt([&] {
    DocumentPage out;
    auto row =
        query(*database_,
              "SELECT d.sha, d.kernel, p.name, '', d.text, d.created FROM (SELECT DISTINCT name, document "
              "FROM names WHERE (name, document) > (?, ?) ORDER BY name, document LIMIT ?) p "
              "JOIN documents d ON d.sha = p.document ORDER BY p.name, p.document",
              behind.name, behind.sha, limit + 1);
    DocumentPage::Place last;
    for (int64_t seen = 0, taken = 0; row.executeStep(); ++seen) {
      DocumentRecord one = read(row);
      const auto size = static_cast<int64_t>(one.text.size());
      if (seen == limit || (seen > 0 && taken + size > bytes)) {
        out.next = last;
        break;
      }
      taken += size;
      last = {one.name, one.sha};
      if (sha256(one.text) == one.sha) out.documents.push_back(std::move(one));
    }
    return out;
  });
}

Result<std::vector<DocumentRecord>> Store::documents() {
  return attempt([&] {
    std::vector<DocumentRecord> out;
    auto row = query(*database_, "SELECT d.sha, d.kernel, n.name, n.owner, d.text, d.created FROM names n "
                                 "JOIN documents d ON d.sha = n.document ORDER BY n.name, n.given");
    while (row.executeStep())
      if (DocumentRecord one = read(row); sha256(one.text) == one.sha) out.push_back(std::move(one));
    return out;
  });
}

} // namespace tuned::store
