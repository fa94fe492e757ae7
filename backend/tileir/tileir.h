// The second NVIDIA compiler: kernel IR to CUDA Tile IR, which NVIDIA's tileiras assembles into cubins; no
// GPU is needed. Free of LLVM, so that the registry can name it.
#pragma once

#include "backend/compiler.h"

namespace tuned::tileir {

/// For targets "sm_80" to "sm_121". What Tile IR cannot express is refused (Unsupported) with the operation
/// and its place; what tileiras does with the rest is in assemble/assembler.h.
std::unique_ptr<Compiler> makeCompiler();

/// Whether tileiras is on this machine and new enough.
bool isPresent();

/// Kernel IR as bytecode, without assembling it: what a fuzzer and a person look at.
std::unique_ptr<Compiler> makeEmitter();

} // namespace tuned::tileir
