// A reference from a sample of program instances: what the scalar evaluator needs to run some of a grid on
// host memory, and how what it wrote becomes a ReferenceResult.
#pragma once

#include "backend/device.h"
#include "tuner/measure/inputs.h"
#include "tuner/verify/verify.h"

#include <array>
#include <utility>

namespace tuned {

/// The kernel's buffers in host memory, filled as a Workbench with the same seed fills the device's.
class HostInputs {
public:
  static Result<HostInputs> make(const Kernel& kernel, const Sizes& sizes, uint64_t seed,
                                 SharedInputs* shared = nullptr);
  /// Pointers are host addresses. Valid as long as this object (moving it is fine).
  std::span<const ArgumentValue> arguments() const { return arguments_; }
  /// By argument; empty for scalars.
  std::span<const std::byte> buffer(size_t argument) const { return buffers_[argument]; }
  /// (address, bytes) of every buffer.
  std::vector<std::pair<uint64_t, size_t>> memory() const;

private:
  std::vector<LargeBytes> buffers_;
  std::vector<ArgumentValue> arguments_;
};

/// Up to `count` distinct programs of a grid, the most telling first: the first, the last (where ragged edges
/// are), then random ones. All of them, in grid order, when the grid has no more than `count`.
std::vector<std::array<int64_t, 3>> samplePrograms(const Grid& grid, size_t count, uint64_t seed);

/// What was written to the outputs of `inputs`, as a reference. `written`: (address, bytes), disjoint and
/// ascending; elements written in part count as written.
ReferenceResult referenceFromWritten(const Kernel& kernel, const HostInputs& inputs,
                                     std::span<const std::pair<uint64_t, size_t>> written,
                                     const std::string& source);

} // namespace tuned
