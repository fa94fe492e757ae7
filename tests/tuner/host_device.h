// A device for tests: host memory, kernels that are C++ functions, and a clock that only the test turns.
#pragma once

#include "backend/device.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

namespace tuned::test {

/// Checks by plain loops over f32, as a device would do them; counts what it was asked.
class HostJudge : public DeviceJudge {
public:
  int compared = 0;
  Result<uint64_t> checksum(const Buffer& buffer, size_t offset, size_t bytes) override {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes; ++i)
      sum = sum * 1099511628211u + reinterpret_cast<const uint8_t*>(buffer.address())[offset + i];
    return sum;
  }
  Result<BufferComparison> compare(const CompareRequest& request) override {
    ++compared;
    BufferComparison out;
    auto got = reinterpret_cast<const float*>(request.got->address() + request.gotOffset);
    auto expected = reinterpret_cast<const float*>(request.expected->address() + request.expectedOffset);
    for (int64_t i = 0; i < request.count; ++i) {
      double error = std::fabs(double(got[i]) - expected[i]) /
                     (request.absolute + request.relative * std::fabs(double(expected[i])));
      out.worst = std::max(out.worst, error);
      if (error > 1 && out.wrong++ == 0) out.firstWrong = i;
    }
    return out;
  }
};

class HostDevice : public Device {
public:
  using Function = std::function<void(const Grid&, std::span<const ArgumentValue>)>;
  /// What an artefact with these bytes runs and how long each launch takes.
  struct Program {
    Function run;
    std::function<double()> seconds;
    double joules = 0; ///< of a launch
  };
  std::map<std::string, Program> programs;
  int launches = 0;
  std::optional<Error> nextFault;  ///< the next launch ends in this
  std::optional<HostJudge> checks; ///< set: the device checks its buffers itself
  /// Its counter moves by so many joules at a time; 0: it has none.
  double counterStep = 0;
  Result<double> joules() override {
    if (counterStep == 0) return Device::joules();
    return counterStep * std::floor(taken_ / counterStep);
  }

  HostDevice() {
    info_.id = "test";
    info_.memoryBytes = 1 << 24;
    info_.gridLimit = {1000, 10, 10};
  }
  const DeviceInfo& info() const override { return info_; }
  DeviceJudge* judge() override { return checks ? &*checks : nullptr; }

  Result<std::unique_ptr<Buffer>> allocate(size_t bytes) override {
    return std::make_unique<HostBuffer>(bytes);
  }
  Result<void> upload(Buffer& to, size_t offset, std::span<const std::byte> data) override {
    std::memcpy(at(to) + offset, data.data(), data.size());
    return {};
  }
  Result<void> download(const Buffer& from, size_t offset, std::span<std::byte> data) override {
    std::memcpy(data.data(), at(from) + offset, data.size());
    return {};
  }
  Result<void> fill(Buffer& to, size_t offset, size_t bytes, std::byte value) override {
    std::memset(at(to) + offset, std::to_integer<int>(value), bytes);
    return {};
  }
  Result<void> copy(Buffer& to, const Buffer& from, size_t bytes) override {
    std::memcpy(at(to), at(from), bytes);
    return {};
  }
  Result<std::unique_ptr<LoadedKernel>> load(const Artefact& artefact) override {
    auto found = programs.find(artefact.bytes);
    if (found == programs.end()) return fail(ErrorKind::OutOfResources, "too much shared memory");
    auto loaded = std::make_unique<Loaded>();
    loaded->program = &found->second;
    return loaded;
  }
  Result<void> launch(LoadedKernel& kernel, const Grid& grid,
                      std::span<const ArgumentValue> arguments) override {
    ++launches;
    taken_ += static_cast<Loaded&>(kernel).program->joules;
    if (nextFault) return fail(*std::exchange(nextFault, std::nullopt));
    static_cast<Loaded&>(kernel).program->run(grid, arguments);
    return {};
  }
  Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& grid,
                                   std::span<const ArgumentValue> arguments,
                                   const TimingRequest& request) override {
    std::vector<double> out;
    for (int i = 0; i < request.repeats; ++i) {
      if (auto ok = launch(kernel, grid, arguments); !ok) return fail(ok.error());
      out.push_back(static_cast<Loaded&>(kernel).program->seconds());
    }
    return out;
  }

private:
  struct HostBuffer : Buffer {
    explicit HostBuffer(size_t bytes) : storage(bytes / 8 + 1) {}
    uint64_t address() const override { return reinterpret_cast<uint64_t>(storage.data()); }
    size_t size() const override { return storage.size() * 8; }
    std::vector<uint64_t> storage;
  };
  struct Loaded : LoadedKernel {
    const Program* program = nullptr;
  };
  static std::byte* at(const Buffer& buffer) { return reinterpret_cast<std::byte*>(buffer.address()); }

  DeviceInfo info_;
  double taken_ = 0;
};

} // namespace tuned::test
