// Files that others must not have prepared for us: nothing is trusted because of its path.
#pragma once

#include "base/error.h"

#include <string>

namespace tuned {

/// An open descriptor (close-on-exec) of a regular file for appending or for reading and writing, created
/// with mode 0600 whatever the umask. Denied, with the remedy: the name is a symbolic link, or the file
/// belongs to another user, has a second name, or may be written by others. What it holds is left as it is.
enum class PrivateFileUse { ReadWrite, Append };
Result<int> openPrivateFile(const std::string& path, PrivateFileUse use);

/// For files that a library opens by their names, in a folder that is this user's own (checkPrivateFolder).
/// Denied, with the remedy: the name is a symbolic link or no file, or the file belongs to another user or
/// may be written by others. One that is not there is sound.
Result<void> checkPrivateFile(const std::string& path);

/// Creates a folder and its missing parents, all of them with `mode` whatever the umask. An existing one is
/// left as it is. Denied or OutOfResources: it cannot be created; InvalidInput: something else has that name.
Result<void> makeFolder(const std::string& path, unsigned mode);

/// Denied, with the remedy: the folder belongs to another user, others may write to it, or they may put
/// another one in its place.
Result<void> checkPrivateFolder(const std::string& path);

} // namespace tuned
