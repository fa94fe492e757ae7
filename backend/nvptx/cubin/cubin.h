// What a cubin says of its kernels, read from the ELF image itself. No CUDA, no LLVM.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tuned::nvptx {

struct CubinParameter {
  int offset = 0; ///< bytes into the parameter buffer
  int size = 0;   ///< bytes
};

struct CubinKernel {
  std::string symbol;
  int registers = 0;             ///< per thread
  int64_t stackBytes = 0;        ///< local memory per thread: spills and local arrays
  int64_t staticSharedBytes = 0; ///< per CTA, without what a launch adds and what the system keeps for itself
  int architecture = 0;          ///< 90 for sm_90 and sm_90a
  /// "13.5.37": the tools that the image says it comes from; of several the last, which is the assembler.
  /// Empty: it does not say.
  std::string toolVersion;
  std::vector<CubinParameter> parameters;
};

/// The kernel of that name, or the only one when `symbol` is empty. InvalidInput: not a 64-bit CUDA ELF, cut
/// short, or with a table that points outside it. NotFound: no such kernel; the message lists those there
/// are.
Result<CubinKernel> readCubin(std::string_view image, const std::string& symbol = {});

} // namespace tuned::nvptx
