// Opening the file: pragmas, integrity, schema; and what is done about damage.
#pragma once

#include "daemon/store/file/sqlite.h"

#include <memory>
#include <string>
#include <vector>

namespace tuned::store {

struct Opened {
  std::unique_ptr<Database> database;
  std::vector<std::string> notices; ///< what an operator should know
};

/// Opens and checks the file and brings its schema up to date. A damaged file is replaced (replaceDamaged).
/// Throws DatabaseError. A file of a newer schema or another program is refused and not written to.
Opened openChecked(const std::string& path);

/// Copies what can be read of the damaged file, which nobody may have open, into a new one that then takes
/// its place; the damaged one is kept beside it as "<path>.corrupt-<time>", and of
/// earlier ones as many as aside.h allows. `why`: the damage that was found. Throws DatabaseError; the
/// damaged file is still in its place then.
Opened replaceDamaged(const std::string& path, const std::string& why);

/// Opens the file without a lock, a log or any write; its schema must be the present one.
Opened openReadOnly(const std::string& path);

/// Brings a file of schema `from` (0: empty) to the present one, in one transaction; a copy is kept beside it
/// as
/// "<path>.before-schema-<n>".
void migrate(Database& database, const std::string& path, int64_t from);

/// Makes the tables of a schema in an empty file.
void createSchema(Database& database, int64_t version);

/// Moves what can be read of the damaged file into `database`, which has just been created empty, and brings
/// it to the present schema. `version` is the damaged file's schema, 0 when that cannot be told. Says what
/// was saved and what was lost.
std::string salvage(Database& database, const std::string& path, const std::string& damaged, int64_t version);

} // namespace tuned::store
