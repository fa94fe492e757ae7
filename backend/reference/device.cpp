// The device "reference": host buffers and launches of decoded programs.
#include "backend/reference/decode.h"
#include "backend/reference/evaluate.h"
#include "backend/reference/text.h"
#include "base/clock.h"
#include "base/machine.h"
#include "ir/module.h"

#include <sys/utsname.h>

#include <chrono>
#include <cstring>
#include <new>
#include <set>

namespace tuned {
namespace {

using Allocations = std::map<uint64_t, size_t>;
constexpr std::align_val_t kAlignment{256};

class HostBuffer final : public Buffer {
public:
  HostBuffer(size_t bytes, std::shared_ptr<Allocations> allocations)
      : data_(static_cast<std::byte*>(::operator new(std::max<size_t>(bytes, 1), kAlignment))), bytes_(bytes),
        allocations_(std::move(allocations)) {
    (*allocations_)[address()] = bytes;
  }
  ~HostBuffer() override {
    allocations_->erase(address());
    ::operator delete(data_, kAlignment);
  }
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;
  uint64_t address() const override { return reinterpret_cast<uint64_t>(data_); }
  size_t size() const override { return bytes_; }

private:
  std::byte* data_;
  size_t bytes_;
  std::shared_ptr<Allocations> allocations_;
};

class DecodedKernel final : public LoadedKernel {
public:
  explicit DecodedKernel(std::shared_ptr<const reference::Function> function)
      : function(std::move(function)) {}
  std::shared_ptr<const reference::Function> function;
};

std::byte* bytesAt(const Buffer& buffer, size_t offset) {
  return reinterpret_cast<std::byte*>(buffer.address()) + offset;
}

Result<void> checkRange(const Buffer& buffer, size_t offset, size_t bytes) {
  if (offset <= buffer.size() && bytes <= buffer.size() - offset) return {};
  return fail(ErrorKind::InvalidInput,
              reference::concat("bytes ", offset, " to ", offset + bytes, " of a buffer of ", buffer.size()));
}

class ReferenceDevice final : public Device {
public:
  explicit ReferenceDevice(const ReferenceLimits& limits) : limits_(limits) {
    utsname system{};
    uname(&system);
    info_.id = info_.name = info_.architecture = "reference";
    info_.multiprocessors = 1;
    info_.capabilities = {true, {"num_warps", "num_stages", "num_ctas", "maxnreg"}, "reference", {"cpu"}};
    info_.memoryBytes = memoryOfMachine();
    info_.driver = system.release;
  }

  const DeviceInfo& info() const override { return info_; }

  Result<std::unique_ptr<Buffer>> allocate(size_t bytes) override {
    try {
      return std::make_unique<HostBuffer>(bytes, allocations_);
    } catch (const std::bad_alloc&) {
      return fail(ErrorKind::OutOfResources, reference::concat("no ", bytes, " bytes of memory"));
    }
  }

  Result<void> upload(Buffer& buffer, size_t offset, std::span<const std::byte> data) override {
    if (auto inside = checkRange(buffer, offset, data.size()); !inside) return inside;
    if (!data.empty()) std::memcpy(bytesAt(buffer, offset), data.data(), data.size());
    return {};
  }
  Result<void> download(const Buffer& buffer, size_t offset, std::span<std::byte> data) override {
    if (auto inside = checkRange(buffer, offset, data.size()); !inside) return inside;
    if (!data.empty()) std::memcpy(data.data(), bytesAt(buffer, offset), data.size());
    return {};
  }
  Result<void> fill(Buffer& buffer, size_t offset, size_t bytes, std::byte value) override {
    if (auto inside = checkRange(buffer, offset, bytes); !inside) return inside;
    std::memset(bytesAt(buffer, offset), static_cast<int>(value), bytes);
    return {};
  }
  Result<void> copy(Buffer& to, const Buffer& from, size_t bytes) override {
    if (auto inside = checkRange(to, 0, bytes); !inside) return inside;
    if (auto inside = checkRange(from, 0, bytes); !inside) return inside;
    std::memmove(bytesAt(to, 0), bytesAt(from, 0), bytes);
    return {};
  }

  Result<std::unique_ptr<LoadedKernel>> load(const Artefact& artefact) override {
    if (artefact.format != "ttir")
      return fail(ErrorKind::InvalidInput,
                  "the reference device runs artefacts of format ttir, not " + artefact.format);
    auto context = makeContext();
    auto module = parseModule(*context, artefact.bytes, artefact.launch.symbol);
    if (!module) return fail(module.error());
    auto kernel = reference::decode(**module, artefact.launch.symbol);
    if (!kernel) return fail(kernel.error());
    return std::make_unique<DecodedKernel>(*kernel);
  }

  Result<void> launch(LoadedKernel& kernel, const Grid& grid,
                      std::span<const ArgumentValue> arguments) override {
    const reference::Function& function = *static_cast<DecodedKernel&>(kernel).function;
    for (size_t axis = 0; axis < 3; ++axis)
      if (grid[axis] < 1 || grid[axis] > info_.gridLimit[axis])
        return fail(ErrorKind::InvalidInput, reference::concat("grid dimension ", axis, " is ", grid[axis],
                                                               "; it must be 1 to ", info_.gridLimit[axis]));
    auto lanes = reference::argumentLanes(function, arguments);
    if (!lanes) return fail(lanes.error());
    std::vector<HostBytes> pieces;
    for (const auto& [address, bytes] : *allocations_)
      pieces.push_back({address, bytes});
    reference::Memory memory;
    reference::addMemory(memory, function, arguments, pieces);
    return reference::runGrid(function, memory, grid, *lanes, limits_);
  }

  Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& grid,
                                   std::span<const ArgumentValue> arguments,
                                   const TimingRequest& request) override {
    std::vector<double> seconds;
    for (int i = 0; i < request.repeats; ++i) {
      auto start = std::chrono::steady_clock::now();
      if (auto ran = launch(kernel, grid, arguments); !ran) return fail(ran.error());
      seconds.push_back(secondsSince(start));
    }
    return seconds;
  }

private:
  DeviceInfo info_;
  ReferenceLimits limits_;
  std::shared_ptr<Allocations> allocations_ = std::make_shared<Allocations>();
};

} // namespace

std::unique_ptr<Device> openReferenceDevice(const ReferenceLimits& limits) {
  return std::make_unique<ReferenceDevice>(limits);
}

} // namespace tuned
