// NVIDIA's assembler of Tile IR, tileiras: which it is, and bytecode to cubins with it.
#pragma once

#include "backend/tileir/assemble/child.h"

#include <string>
#include <vector>

namespace tuned::tileir {

struct Assembler {
  std::string path;
  std::string version; ///< "13.5.37"
};

/// The oldest release that reads what we write: bytecode 13.3.
inline constexpr const char* oldestVersion = "13.3";

/// The assembler among NVIDIA's tools (backend/toolchain). Unavailable: there is none, it does not say its
/// version, or it is older than oldestVersion; the remedy says what to do.
Result<Assembler> findAssembler();
/// The assembler at a path, asked for its version; Unavailable as above.
Result<Assembler> assemblerAt(const std::string& path);

struct Assembled {
  std::string cubin;
  std::string remarks; ///< what it said beside: warnings of many registers, say
};

/// Its names of architectures, without the letter behind: "sm_90".
std::vector<std::string> assemblerTargets();

/// The name tileiras has for a target: "sm_90a" is "sm_90". Unsupported lists those there are.
Result<std::string> assemblerTarget(const std::string& target);

/// Assembles a module for a target ("sm_90a"). Unsupported: it refuses the module; Internal: it does not read
/// it; Faulted: it crashed or wrote no cubin; TimedOut: it was killed at the deadline.
Result<Assembled> assemble(const Assembler& assembler, const std::string& bytecode, const std::string& target,
                           const ChildLimits& limits = {});

/// The module as text, by tileirdisasm; Unavailable where that is missing.
Result<std::string> disassemble(const std::string& bytecode);

} // namespace tuned::tileir
