#include "backend/cuda/device.h"

#include "backend/cuda/cuda.h"
#include "backend/cuda/info.h"
#include "backend/cuda/judge.h"

#include <array>
#include <thread>

namespace tuned {
namespace cuda {

class CudaBuffer : public Buffer {
public:
  CudaBuffer(const Driver& api, Address address, size_t size, const std::atomic<bool>& broken,
             BufferTable& table)
      : api_(api), address_(address), size_(size), broken_(broken), table_(table) {
    table_.add(address, size);
  }
  // In a broken context freeing fails, or waits for a kernel that never ends.
  ~CudaBuffer() override {
    table_.remove(address_);
    if (!broken_) api_.memFree(address_);
  }
  uint64_t address() const override { return address_; }
  size_t size() const override { return size_; }

private:
  const Driver& api_;
  Address address_;
  size_t size_;
  const std::atomic<bool>& broken_;
  BufferTable& table_;
};

void BufferTable::add(Address address, size_t size) {
  std::scoped_lock lock(guard_);
  sizes_[address] = size;
}

void BufferTable::remove(Address address) {
  std::scoped_lock lock(guard_);
  sizes_.erase(address);
}

int64_t BufferTable::extentAt(Address address) const {
  std::scoped_lock lock(guard_);
  auto behind = sizes_.upper_bound(address);
  if (behind == sizes_.begin()) return 0;
  auto [start, size] = *std::prev(behind);
  return address - start < size ? static_cast<int64_t>(size - (address - start)) : 0;
}

CudaKernel::~CudaKernel() {
  if (!broken_) api_.moduleUnload(module_);
}

namespace {
Result<void> checkRange(const Buffer& buffer, size_t offset, size_t bytes) {
  if (offset <= buffer.size() && bytes <= buffer.size() - offset) return {};
  return fail(ErrorKind::InvalidInput, "bytes " + std::to_string(offset) + " to " +
                                           std::to_string(offset + bytes) + " lie outside a buffer of " +
                                           std::to_string(buffer.size()));
}
} // namespace

CudaDevice::CudaDevice(const Driver& api, DeviceInfo info, std::chrono::milliseconds deadline)
    : api_(api), info_(std::move(info)), deadline_(deadline) {}

Result<std::unique_ptr<Device>> CudaDevice::open(int index, std::chrono::milliseconds deadline) {
  if (!driver()) return fail(driver().error());
  int count = 0;
  driver()->deviceGetCount(&count);
  if (index < 0 || index >= count)
    return fail(ErrorKind::Unavailable,
                "there is no device cuda:" + std::to_string(index) + "; the driver lists " +
                    std::to_string(count),
                "look at nvidia-smi and CUDA_VISIBLE_DEVICES");
  auto info = describe(*driver(), index);
  if (!info) return fail(info.error());
  std::unique_ptr<CudaDevice> device(new CudaDevice(*driver(), std::move(*info), deadline));
  device->api_.deviceGet(&device->handle_, index);
  // The primary context is the one that PyTorch and the like use: pointers may be shared with them.
  if (auto done = device->check(device->api_.primaryContextRetain(&device->context_, device->handle_),
                                "making a context on " + device->info_.id);
      !done)
    return fail(done.error());
  if (auto done = device->enter(); !done) return fail(done.error());
  if (auto done =
          device->check(device->api_.streamCreate(&device->stream_, orderedStream), "making a stream");
      !done)
    return fail(done.error());
  std::array<char, 32> busId = {};
  if (device->api_.deviceGetBusId(busId.data(), busId.size() - 1, device->handle_) == Success)
    if (auto management = Management::open(busId.data(), deviceUuid(device->api_, device->handle_)))
      device->management_ = std::move(*management);
  return device;
}

CudaDevice::~CudaDevice() {
  if (context_ && !broken_) api_.contextSetCurrent(context_);
  judge_.reset();
  if (!context_ || broken_) return;
  for (Event event : events_)
    api_.eventDestroy(event);
  if (flush_) api_.memFree(flush_);
  if (stream_) api_.streamDestroy(stream_);
  api_.primaryContextRelease(handle_);
}

DeviceJudge* CudaDevice::judge() {
  if (!judge_) judge_ = std::make_unique<CudaJudge>(*this);
  return judge_.get();
}

std::optional<DeviceState> CudaDevice::state() {
  return management_ ? std::optional(management_->state()) : std::nullopt;
}

Result<double> CudaDevice::joules() {
  if (auto joules = management_ ? management_->joules() : std::nullopt) return *joules;
  return fail(
      ErrorKind::Unsupported,
      "the energy that " + info_.id + " takes is not counted: " +
          (management_ ? "its driver has no counter of it" : "the driver's management library is not there"),
      "NVIDIA devices from Volta on have one, by libnvidia-ml.so.1; tune for time");
}

Result<void> CudaDevice::enter() {
  if (broken_)
    return fail(ErrorKind::Faulted, info_.id + " is unusable in this process after an earlier fault or hang",
                "start a new process");
  return check(api_.contextSetCurrent(context_), "entering the context of " + info_.id);
}

Result<void> CudaDevice::check(int status, const std::string& what) {
  if (status == Success) return {};
  if (isFault(status) || status == LaunchTimeout) broken_ = true;
  return fail(driverError(status, what));
}

Result<std::unique_ptr<Buffer>> CudaDevice::allocate(size_t bytes) {
  if (auto done = enter(); !done) return fail(done.error());
  Address address = 0;
  size_t size = std::max<size_t>(bytes, 1);
  if (auto done = check(api_.memAlloc(&address, size),
                        "allocating " + std::to_string(bytes) + " bytes on " + info_.id);
      !done)
    return fail(done.error());
  return std::make_unique<CudaBuffer>(api_, address, bytes, broken_, buffers_);
}

Result<void> CudaDevice::upload(Buffer& buffer, size_t offset, std::span<const std::byte> data) {
  if (auto done = checkRange(buffer, offset, data.size()); !done) return done;
  if (auto done = enter(); !done || data.empty()) return done;
  if (auto done = check(api_.memcpyHtoD(buffer.address() + offset, data.data(), data.size()), "uploading");
      !done)
    return done;
  return {};
}

Result<void> CudaDevice::download(const Buffer& buffer, size_t offset, std::span<std::byte> data) {
  if (auto done = checkRange(buffer, offset, data.size()); !done) return done;
  if (auto done = enter(); !done || data.empty()) return done;
  return check(api_.memcpyDtoH(data.data(), buffer.address() + offset, data.size()), "downloading");
}

Result<void> CudaDevice::fill(Buffer& buffer, size_t offset, size_t bytes, std::byte value) {
  if (auto done = checkRange(buffer, offset, bytes); !done) return done;
  if (auto done = enter(); !done || bytes == 0) return done;
  int status =
      api_.memsetD8Async(buffer.address() + offset, std::to_integer<unsigned char>(value), bytes, stream_);
  if (auto done = check(status, "filling"); !done) return done;
  return finish();
}

Result<void> CudaDevice::copy(Buffer& to, const Buffer& from, size_t bytes) {
  if (auto done = checkRange(to, 0, bytes); !done) return done;
  if (auto done = checkRange(from, 0, bytes); !done) return done;
  if (auto done = enter(); !done || bytes == 0) return done;
  if (auto done = check(api_.memcpyDtoDAsync(to.address(), from.address(), bytes, stream_), "copying"); !done)
    return done;
  return finish();
}

Result<void> CudaDevice::finish() {
  using Clock = std::chrono::steady_clock;
  constexpr auto spinning = std::chrono::milliseconds(2); // then other processes may have the core
  auto start = Clock::now();
  for (;;) {
    int status = api_.streamQuery(stream_);
    if (status != NotReady) return check(status, "running on " + info_.id);
    auto waited = Clock::now() - start;
    if (waited > deadline_) {
      broken_ = true;
      return fail(ErrorKind::TimedOut,
                  "not done after " + std::to_string(deadline_.count()) + " ms on " + info_.id,
                  "does the kernel end for these arguments?");
    }
    if (waited > spinning) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

} // namespace cuda

Result<std::unique_ptr<Device>> openCudaDevice(int index, std::chrono::milliseconds deadline) {
  return cuda::CudaDevice::open(index, deadline);
}

} // namespace tuned
