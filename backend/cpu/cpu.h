// The CPU backend's two halves. Free of LLVM, so that the registry can name them.
#pragma once

#include "backend/compiler.h"
#include "backend/device.h"

namespace tuned::cpu {

/// The target of code that is to judge other backends: compiled without the analyses and simplifications that
/// they share with this one. Slower, and right where these are wrong.
inline constexpr const char* plainTarget = "cpu:plain";

/// Compiles kernels to ELF objects for the host. Options other than target, fuseMultiplyAdd and onStage do
/// not matter here.
std::unique_ptr<Compiler> makeCompiler();

/// The host's cores, which can run a part of a grid, too.
class HostDevice : public Device {
public:
  /// Launches only some programs of the grid, each (x, y, z) below it, and waits; as launch otherwise.
  virtual Result<void> launchSome(LoadedKernel& kernel, const Grid& grid,
                                  std::span<const ArgumentValue> arguments,
                                  std::span<const std::array<int64_t, 3>> programs) = 0;
};

/// `threads` = 0 takes every core this process may run on.
Result<std::unique_ptr<HostDevice>> makeDevice(int threads = 0);

} // namespace tuned::cpu
