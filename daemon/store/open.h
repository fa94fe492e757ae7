// Opening the file: pragmas, integrity, schema.
#pragma once

#include "daemon/store/sqlite.h"

#include <memory>
#include <string>

namespace tuned::store {

/// Opens and checks the file and brings its schema up to date. Throws DatabaseError; `corrupt` is set when
/// the file should be set aside. A file of a newer schema or another program is refused and not written to.
std::unique_ptr<Database> openChecked(const std::string& path);

} // namespace tuned::store
