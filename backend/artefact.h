// What a compiler makes: bytes that a device can load, and what is needed to launch and judge them.
// Free of LLVM, MLIR and CUDA, so that the daemon can keep and serve artefacts.
#pragma once

#include "base/model/launch_condition.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tuned {

/// What the artefact takes of the machine, read back from the binary itself. -1: not known.
struct Resources {
  int registers = -1;       ///< per thread
  int64_t sharedBytes = -1; ///< per CTA, static and dynamic together
  int64_t spillBytes = -1;  ///< local memory per thread
};

/// How one kernel parameter reaches the device code.
/// A "descriptor" (host tensor descriptor) is expanded as LaunchMetadata::parameters says.
enum class ParameterKind { Pointer, Scalar, TensorMap };

struct ParameterSlot {
  ParameterKind kind = ParameterKind::Scalar;
  int sizeBytes = 8; ///< bytes of the slot in the parameter buffer (1, 2, 4, 8; 128 for a tensor map)
};

struct LaunchMetadata {
  std::string symbol; ///< the entry's name in the binary
  /// Threads of a CTA along x, y and z: num_warps * 32 in a row with nvptx, what the document says with
  /// nvrtc; {1, 1, 1} on the CPU and with tileir, whose cubins say themselves how many threads they start.
  std::array<int, 3> block = {1, 1, 1};
  int64_t dynamicSharedBytes = 0;
  int64_t scratchBytes = 0; ///< CPU: bytes of scratch that each running thread needs, 64-byte aligned
  int clusterSize = 1;      ///< CTAs per program that a launch has to ask for; a tileir cubin asks itself: 1
  std::vector<ParameterSlot> parameters; ///< in the order of the function's arguments
  /// What must hold of the arguments; devices check it before every launch.
  std::vector<LaunchCondition> conditions = {};

  int threadsPerCta() const { return block[0] * block[1] * block[2]; }
};

struct Artefact {
  std::string format; ///< "cubin", "object" (ELF for the host), "ttir" (the reference evaluator)
  std::string target; ///< what it was compiled for: "sm_90a", "cpu:znver3", "reference"
  std::string bytes;
  LaunchMetadata launch;
  Resources resources;
  std::map<std::string, double> phaseSeconds; ///< where compile time went: "passes", "llvm", "assemble", …
  std::string compiler;                       ///< who made it: "nvptx", "tileir", "cpu", "reference"
  std::string assembler; ///< "nvjitlink 13.5.37", "tileiras 13.5.37": with its version; empty: none took part
};

} // namespace tuned
