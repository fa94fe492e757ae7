// A kernel document with all that it names beside itself taken in, so that it can travel: to the daemon, to
// its workers, into a bundle.
#pragma once

#include "base/error.h"

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tuned {

/// Reads `path` and takes in its files:
///   "source": FILE              becomes "source_text" and "source_name" (the file's path, for errors)
///   "include": [FOLDER, …]      becomes "headers": {spelling: text}, of those files that the source
///   includes,
///                               directly or through others; what is in none of the folders is left to the
///                               compiler
///   "judge": {"kernel": NAME}   becomes "judge": the document NAME.json beside this one (a name with a slash
///                               or an ending is a path), packed as well
/// Files and folders are relative to the document's folder. A document that names nothing stays as it is.
/// NotFound: the document cannot be read. InvalidInput: malformed JSON (with its place), a file or folder
/// that cannot be read, one spelling that means two files, more than 16 MiB or 1024 headers, a judge of a
/// judge.
Result<nlohmann::json> packDocument(const std::filesystem::path& path);
/// The same for a document that was read already.
Result<nlohmann::json> packDocument(nlohmann::json document, const std::filesystem::path& path);

/// JSON with comments. InvalidInput with line and column of the text.
Result<nlohmann::json> parseDocument(const std::string& text, const std::string& name);

} // namespace tuned
