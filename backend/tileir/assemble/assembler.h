// NVIDIA's assembler of Tile IR, tileiras: where it is, which it is, and bytecode to cubins with it.
#pragma once

#include "backend/tileir/assemble/child.h"

namespace tuned::tileir {

struct Assembler {
  std::string path;
  std::string version; ///< "13.5.37"
  int release = 0;     ///< 1305 for 13.5
};

/// The oldest release that reads what we write (bytecode 13.3, sm_90).
inline constexpr int oldestRelease = 1303;

/// The first of: the program or folder that GPU_TUNED_TILEIRAS names, bin/tileiras of the wheels below
/// GPU_TUNED_TOOLS, PATH, the CUDA Toolkit in /usr/local/cuda. Found once a process.
/// Unavailable: there is none, it does not run, or it is older than oldestRelease; the remedy says what to
/// install.
Result<Assembler> findAssembler();
/// The assembler at a path, asked for its version.
Result<Assembler> assemblerAt(const std::string& path);

struct Assembled {
  std::string cubin;
  std::string remarks; ///< what it said beside: warnings of many registers, say
};

/// The name tileiras has for a target: "sm_90a" is "sm_90". Unsupported lists those there are.
Result<std::string> assemblerTarget(const std::string& target);

/// Assembles a module for a target ("sm_90a"). Unsupported: it refuses the module; Internal: it does not read
/// it; Faulted: it crashed or wrote no cubin; TimedOut: it was killed at the deadline.
Result<Assembled> assemble(const Assembler& assembler, const std::string& bytecode, const std::string& target,
                           const ChildLimits& limits = {});

} // namespace tuned::tileir
