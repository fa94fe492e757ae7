/// Files that are there whole or not at all, also after a loss of power.
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>
#include <sys/types.h>

namespace tuned {

/// Writes `bytes` to a new file beside `path`, makes it durable, and gives it the name `path`, which may be
/// another file's until then. Symlinks are not followed. Two writers of one path must not run at once in one
/// process. `mode`: of a new file, as of open(2). OutOfResources: the disk is full; Denied: no right to write
/// there; NotFound: there is no such folder; Unavailable: all else. On an error the old file stays.
Result<void> replaceFile(const std::string& path, std::string_view bytes, mode_t mode);

/// Makes names that were given or taken in `folder` durable. That it cannot be done is not told: the files
/// themselves are whole then.
void syncFolder(const std::string& folder);

/// What a system call that failed means; `what` names the act and the path, `number` is errno.
std::unexpected<Error> fileError(const std::string& what, int number);

} // namespace tuned
