// What a compiler makes: bytes that a device can load, and what is needed to launch and judge them.
// Free of LLVM, MLIR and CUDA, so that the daemon can keep and serve artefacts.
#pragma once

#include "base/model/launch.h"

#include <map>
#include <string>

namespace tuned {

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
