// The headers of a C++ source that lie in folders of its author.
#pragma once

#include "base/error.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tuned {

/// Texts of the files that `source` includes, directly or through others, by the spelling of the #include: a
/// compiler that is handed headers in memory knows them by nothing else. "x" is looked for beside the file
/// that includes it, then in `folders`; <x> in `folders` alone. Directives are found whether or not
/// conditions around them hold. Errors: see packDocument().
Result<std::map<std::string, std::string>> collectHeaders(const std::string& source,
                                                          const std::filesystem::path& beside,
                                                          const std::vector<std::filesystem::path>& folders);

} // namespace tuned
