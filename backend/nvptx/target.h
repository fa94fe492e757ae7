// What of an NVIDIA architecture matters to code generation.
#pragma once

#include "base/error.h"

#include <cstdint>

namespace tuned::nvptx {

struct Target {
  std::string name;        ///< "sm_90a"
  int capability = 80;     ///< 10 × major + minor: 80, 86, 89, 90, 100, 120
  int64_t sharedLimit = 0; ///< bytes a CTA may have (opt-in maximum)
  std::string features;    ///< of LLVM's backend: the PTX version
  int residentWarps = 64;  ///< a multiprocessor holds at most
  int residentCtas = 32;   ///< a multiprocessor holds at most

  bool hasFp8Conversions() const { return capability >= 89; }
  bool hasBf16Arithmetic() const { return capability >= 90; }
};

/// sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100, sm_100a, sm_120, sm_120a; Unsupported lists them for another
/// name.
Result<Target> parseTarget(const std::string& name);

} // namespace tuned::nvptx
