// The running half of a backend: memory, loading, launching and timing on one device. Free of LLVM and CUDA
// headers.
#pragma once

#include "backend/artefact.h"
#include "backend/runtime/argument.h"
#include "base/error.h"
#include "base/model/device.h"
#include "base/model/device_state.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tuned {

/// Device memory of at least `size` bytes, aligned to 256 bytes on every device.
class Buffer {
public:
  virtual ~Buffer() = default;
  virtual uint64_t address() const = 0; ///< as the kernel sees it
  virtual size_t size() const = 0;
};

/// A loaded artefact; belongs to the device that loaded it and must not outlive it.
class LoadedKernel {
public:
  virtual ~LoadedKernel() = default;
};

/// How the bytes of one element are read when two buffers are compared.
enum class ElementCoding { Exact, F16, BF16, F32, F64, Table };

struct CompareRequest {
  const Buffer* got = nullptr;
  size_t gotOffset = 0; ///< bytes; a multiple of 8, as expectedOffset
  const Buffer* expected = nullptr;
  size_t expectedOffset = 0;
  int64_t count = 0;    ///< elements
  int elementBytes = 4; ///< 1, 2, 4 or 8
  /// Exact: equal bytes or wrong. Table: one byte, whose value stands in `table`.
  ElementCoding coding = ElementCoding::F32;
  std::span<const double> table;     ///< with Table only: 256 values
  double relative = 0, absolute = 0; ///< an element may differ by absolute + relative * |expected|
};

struct BufferComparison {
  int64_t wrong = 0;      ///< elements that differ by more than is allowed
  int64_t firstWrong = 0; ///< the least index of those; meaningless while wrong is 0
  double worst = 0;       ///< largest difference in units of what is allowed; infinite where it is not finite
};

/// Checks that run where the data is, for devices whose memory the host reads slowly.
class DeviceJudge {
public:
  virtual ~DeviceJudge() = default;
  /// A 64-bit sum that depends on every byte and its place; equal bytes give equal sums on every device of a
  /// kind. It tells accidents apart, not forgeries. `offset` is a multiple of 8.
  virtual Result<uint64_t> checksum(const Buffer& buffer, size_t offset, size_t bytes) = 0;
  /// NaN equals NaN, zeros of both signs are equal, infinities must be the same.
  virtual Result<BufferComparison> compare(const CompareRequest& request) = 0;
};

struct TimingRequest {
  int repeats = 1;       ///< timed launches; each on its own
  bool coldCache = true; ///< flush the last-level cache before each
};

class Device {
public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;

  virtual Result<std::unique_ptr<Buffer>> allocate(size_t bytes) = 0;
  virtual Result<void> upload(Buffer& buffer, size_t offset, std::span<const std::byte> data) = 0;
  virtual Result<void> download(const Buffer& buffer, size_t offset, std::span<std::byte> data) = 0;
  /// The buffer's bytes where the host can read them in place; empty: they have to be downloaded.
  virtual std::span<const std::byte> view(const Buffer&) const { return {}; }
  /// Sets `bytes` bytes from offset to `value`.
  virtual Result<void> fill(Buffer& buffer, size_t offset, size_t bytes, std::byte value) = 0;
  /// Device-side copy, for restoring inputs between launches.
  virtual Result<void> copy(Buffer& to, const Buffer& from, size_t bytes) = 0;

  /// OutOfResources when the artefact takes more than the device has, before anything is launched.
  virtual Result<std::unique_ptr<LoadedKernel>> load(const Artefact& artefact) = 0;

  /// Launches and waits. A fault gives ErrorKind::Faulted and the device is unusable afterwards (CUDA), or
  /// the process dies (CPU): callers that cannot trust the kernel run this in a worker process.
  virtual Result<void> launch(LoadedKernel& kernel, const Grid& grid,
                              std::span<const ArgumentValue> arguments) = 0;

  /// Seconds of each of `repeats` launches, by device events on CUDA and a monotonic clock on the CPU.
  virtual Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& grid,
                                           std::span<const ArgumentValue> arguments,
                                           const TimingRequest& request) = 0;

  /// Null: the caller downloads and looks for itself. Belongs to the device.
  virtual DeviceJudge* judge() { return nullptr; }

  /// What else goes on on the device now; nothing where that is not watched. Needs no idle device.
  virtual std::optional<DeviceState> state() { return std::nullopt; }
  /// Energy that the device has taken since some time in the past, joules. Counters move in steps: every
  /// 100 ms on NVIDIA devices. Unsupported says why it is not counted here.
  virtual Result<double> joules() {
    return fail(ErrorKind::Unsupported, "the energy that " + info().id + " takes is not counted");
  }
};

} // namespace tuned
