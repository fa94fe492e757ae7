// Checks on an NVIDIA device: kernels of judge_ptx, loaded when first asked for.
#pragma once

#include "backend/cuda/device.h"

#include <map>
#include <utility>

namespace tuned::cuda {

class CudaJudge : public DeviceJudge {
public:
  explicit CudaJudge(CudaDevice& device) : device_(device) {}
  ~CudaJudge() override;
  Result<uint64_t> checksum(const Buffer& buffer, size_t offset, size_t bytes) override;
  Result<BufferComparison> compare(const CompareRequest& request) override;

private:
  /// The kernel, assembled by the driver the first time. Unavailable where the driver has no assembler.
  Result<Function> kernel(const std::string& name, const std::string& ptx, const char* entry);
  /// Launches over `items` and waits; then the first `words` 64-bit words of the result.
  Result<void> run(Function function, int64_t items, void** parameters, std::span<uint64_t> result);
  /// The address of the three result words, holding `initial`.
  Result<Address> resultAt(std::span<const uint64_t> initial);
  Result<Address> tableAt(std::span<const double> table);

  CudaDevice& device_;
  std::map<std::string, std::pair<Module, Function>> kernels_;
  std::map<const double*, std::unique_ptr<Buffer>> tables_;
  std::unique_ptr<Buffer> result_;
};

} // namespace tuned::cuda
