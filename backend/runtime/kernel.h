// A build in memory, ready to be launched on the arrays of a program: on one of its CUDA streams, or on the
// host's cores.
#pragma once

#include "backend/runtime/argument.h"
#include "base/error.h"
#include "base/model/launch.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tuned::runtime {

/// Loaded once, never changed: any thread may launch it, also several at once. It must outlive its launches
/// (and CUDA graphs that hold one).
class Kernel {
public:
  virtual ~Kernel() = default;
  Kernel(const Kernel&) = delete;

  const LaunchMetadata& metadata() const { return launch_; }

  /// Starts one launch. `slots` has 8 bytes for each of metadata().parameters, the value in the low ones, of
  /// a tensor map the address of which it is made; nothing is checked but their number and the grid. CUDA:
  /// `stream` is a CUstream of the device's primary context (null: the default stream), and the call returns
  /// before the kernel has run. CPU: the stream is not read, and the call returns when the kernel has run.
  /// InvalidInput, Faulted, OutOfResources.
  virtual Result<void> launch(std::span<const uint64_t> slots, const Grid& grid, void* stream) const = 0;

protected:
  explicit Kernel(LaunchMetadata launch) : launch_(std::move(launch)) {}
  LaunchMetadata launch_;
};

/// Loads a binary of format "cubin" on device "cuda:N", or an "object" on "cpu". Works while a CUDA graph is
/// captured. InvalidInput: a damaged binary, or one of another format; Unsupported: it is for another
/// machine, or wants arguments that this room does not make; Unavailable: no driver, no such
/// device.
Result<std::unique_ptr<Kernel>> loadKernel(const std::string& format, std::string_view bytes,
                                           const LaunchMetadata& launch, const std::string& device);

} // namespace tuned::runtime
