// Where the daemon listens, and where kernels of the library lie.
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned::client {

/// `given`, else GPU_TUNED_SOCKET, else $XDG_RUNTIME_DIR/gpu-tuned/tuned.sock if there is one, else
/// /run/gpu-tuned/tuned.sock.
std::string socketPath(const std::string& given = {});

/// The folder of the running program.
std::string programFolder();

/// Folders that are searched for kernels, first one first: those of GPU_TUNED_KERNELS (separated by ':'),
/// then the installed library, then the one of the source tree the program was built in.
std::vector<std::string> kernelFolders();

/// A kernel document with its source inlined as "source_text". `kernel` is a path, or the name of a kernel of
/// the library. NotFound lists where it was looked for; InvalidInput says what is wrong with the document.
Result<std::string> loadDocument(const std::string& kernel);

} // namespace tuned::client
