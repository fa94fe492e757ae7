// One problem on the device: its buffers, the launches of either compiler's cubins, and whether their outputs
// agree.
#pragma once

#include "backend/cuda/cuda.h"
#include "gpu_plan.h"

#include <memory>

namespace tuned::bench {

enum class Side { Ours, Triton };

/// A cubin of one side, ready to load; what is missing or why it is not there.
Result<Artefact> loadArtefact(const std::filesystem::path& folder, const PlanVariant& variant, Side side);

class GpuTask {
public:
  static Result<std::unique_ptr<GpuTask>> open(const PlanTask& task, int device);

  /// Launches once over poisoned outputs and reads them back, sampled: front, middle and end of every output.
  Result<std::vector<double>> outputs(LoadedKernel& kernel, const PlanVariant& variant, Side side);
  /// Seconds of each of `repeats` launches from a cold cache.
  Result<std::vector<double>> time(LoadedKernel& kernel, const PlanVariant& variant, Side side, int repeats);
  Device& device() { return *device_; }

private:
  explicit GpuTask(const PlanTask& task) : task_(task) {}
  /// Triton's kernels take two pointers more, to scratch memory that these kernels do not use.
  std::vector<ArgumentValue> arguments(Side side) const;

  const PlanTask& task_;
  std::unique_ptr<Device> device_;
  std::vector<std::unique_ptr<Buffer>> buffers_; ///< by argument; null for scalars
};

/// Empty when every pair is within the task's tolerance (NaN never is); else what is worst.
std::string disagreement(const PlanTask& task, const std::vector<double>& values,
                         const std::vector<double>& expected);

} // namespace tuned::bench
