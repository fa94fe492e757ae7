// The front end of kernels in CUDA C++: one variant as the compiler takes it. Free of LLVM and of CUDA's
// headers.
#pragma once

#include "ir/kernel/kernel.h"

namespace tuned {

/// A parameter as the document's arguments list it.
struct CudaParameter {
  std::string name;
  int bytes = 8; ///< a pointer has 8
  bool pointer = false;
  bool operator==(const CudaParameter&) const = default;
};

struct CudaVariant {
  std::string source;
  std::string sourceName;                     ///< for errors
  std::string entry;                          ///< name expression
  std::map<std::string, std::string> headers; ///< text by the spelling in #include
  std::map<std::string, std::string> macros;  ///< name to value
  std::vector<std::string> flags;
  std::array<int, 3> block = {1, 1, 1};
  int64_t sharedBytes = 0;               ///< dynamic
  std::vector<CudaParameter> parameters; ///< the compiled function must have just these
};

/// Macros are the configuration, the constants and words of the document, and those sizes that it lists.
/// InvalidInput: as instantiate(); a block or an amount of shared memory that cannot be. OutOfResources: more
/// than 1024 threads, or more shared memory than any device has.
Result<CudaVariant> cudaVariant(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes);

} // namespace tuned
