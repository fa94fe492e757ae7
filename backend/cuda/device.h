// The CUDA device: its context, memory and kernels. Timing is in timing.cpp.
#pragma once

#include "backend/cuda/nvml.h"
#include "backend/device.h"
#include "backend/runtime/cuda/arguments.h"
#include "backend/runtime/cuda/launch.h"
#include "backend/runtime/cuda/tensor_map.h"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

namespace tuned::cuda {

class CudaBuffer;
class CudaJudge;

/// The device's live buffers: how far one reaches from an address inside it. Thread-safe.
class BufferTable {
public:
  void add(Address address, size_t size);
  void remove(Address address);
  /// Bytes from the address to the end of its buffer; 0: it is in none.
  int64_t extentAt(Address address) const;

private:
  mutable std::mutex guard_;
  std::map<Address, size_t> sizes_;
};

class CudaDevice : public Device {
public:
  static Result<std::unique_ptr<Device>> open(int index, std::chrono::milliseconds deadline);
  ~CudaDevice() override;

  const DeviceInfo& info() const override { return info_; }
  Result<std::unique_ptr<Buffer>> allocate(size_t bytes) override;
  Result<void> upload(Buffer& buffer, size_t offset, std::span<const std::byte> data) override;
  Result<void> download(const Buffer& buffer, size_t offset, std::span<std::byte> data) override;
  Result<void> fill(Buffer& buffer, size_t offset, size_t bytes, std::byte value) override;
  Result<void> copy(Buffer& to, const Buffer& from, size_t bytes) override;
  Result<std::unique_ptr<LoadedKernel>> load(const Artefact& artefact) override;
  Result<void> launch(LoadedKernel& kernel, const Grid& grid,
                      std::span<const ArgumentValue> arguments) override;
  Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& grid,
                                   std::span<const ArgumentValue> arguments,
                                   const TimingRequest& request) override;
  DeviceJudge* judge() override;
  std::optional<DeviceState> state() override;
  Result<double> joules() override;

private:
  friend class CudaJudge;
  CudaDevice(const Driver& api, DeviceInfo info, std::chrono::milliseconds deadline);

  /// Makes the context this thread's; the error of a device that faulted or hung before.
  Result<void> enter();
  /// Success, or the error; remembers faults, after which nothing works in this process's context.
  Result<void> check(int status, const std::string& what);
  Result<void> checkResources(const Artefact& artefact) const;
  /// The arguments as the kernel takes them, tensor maps made, once its conditions are known to hold.
  Result<std::vector<ParameterValue>> packed(LoadedKernel& kernel, const Grid& grid,
                                             std::span<const ArgumentValue> arguments);
  /// Puts the launch into the stream.
  Result<void> enqueue(LoadedKernel& kernel, const Grid& grid, std::vector<ParameterValue>& values);
  /// Waits for the stream, no longer than the deadline.
  Result<void> finish();
  Result<void> reserveFlushBuffer();
  Result<void> reserveEvents(size_t count);
  Result<void> timeBatch(LoadedKernel& kernel, const Grid& grid, std::vector<ParameterValue>& values,
                         int repeats, bool coldCache, std::vector<double>& seconds);

  const Driver& api_;
  DeviceInfo info_;
  std::chrono::milliseconds deadline_;
  DeviceHandle handle_ = 0;
  Context context_ = nullptr;
  Stream stream_ = nullptr;
  std::atomic<bool> broken_ = false;
  BufferTable buffers_;
  std::vector<Event> events_;
  Address flush_ = 0;
  size_t flushBytes_ = 0;
  std::unique_ptr<CudaJudge> judge_;
  std::unique_ptr<Management> management_; ///< null: not watched
};

/// Unavailable when the artefact's assembler is of a newer major version of CUDA than the driver, whose
/// version is given as the driver does: 13000 for 13.0; 0: not known.
Result<void> checkDriver(const Artefact& artefact, int cudaVersion);

/// A function of a loaded module, with how it is launched.
class CudaKernel : public LoadedKernel {
public:
  CudaKernel(const Driver& api, Module module, LaunchMetadata launch, const std::atomic<bool>& broken)
      : launch(std::move(launch)), api_(api), module_(module), broken_(broken) {}
  ~CudaKernel() override;

  LaunchMetadata launch;
  LaunchableFunction function;
  TensorMaps maps;

private:
  const Driver& api_;
  Module module_;
  const std::atomic<bool>& broken_;
};

} // namespace tuned::cuda
