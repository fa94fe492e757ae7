// The front end of kernels in CUDA C++: one variant as the compiler takes it. Free of LLVM and of CUDA's
// headers.
#pragma once

#include "ir/kernel.h"

namespace tuned {

struct CudaVariant {
  std::string source;
  std::string sourceName;                     ///< for errors
  std::string entry;                          ///< name expression
  std::map<std::string, std::string> headers; ///< text by the spelling in #include
  std::map<std::string, std::string> macros;  ///< name to value
  std::vector<std::string> flags;
  std::array<int, 3> block = {1, 1, 1};
  int64_t sharedBytes = 0; ///< dynamic
  /// The document's arguments: names and bytes (a pointer has 8), which the compiled function's must be.
  std::vector<std::pair<std::string, int>> parameters;
};

/// Macros are the configuration, the constants and words of the document, and those sizes that it lists.
/// InvalidInput: as instantiate(); a block or an amount of shared memory that cannot be. OutOfResources: more
/// than 1024 threads, or more shared memory than any device has.
Result<CudaVariant> cudaVariant(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes);

} // namespace tuned
