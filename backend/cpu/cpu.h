// The CPU backend's two halves. Free of LLVM, so that the registry can name them.
#pragma once

#include "backend/compiler.h"
#include "backend/device.h"

namespace tuned::cpu {

/// Compiles kernels to ELF objects for the host. Options other than fuseMultiplyAdd and onStage do not matter
/// here.
std::unique_ptr<Compiler> makeCompiler();

/// The host's cores. `threads` = 0 takes every core this process may run on.
Result<std::unique_ptr<Device>> makeDevice(int threads = 0);

} // namespace tuned::cpu
