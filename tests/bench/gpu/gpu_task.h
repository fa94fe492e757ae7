// One problem on the device: its buffers, the launches of every compiler's cubins, and whether their outputs
// agree.
#pragma once

#include "backend/cuda/cuda.h"
#include "gpu_plan.h"

#include <memory>

namespace tuned::bench {

/// A cubin to be timed. Sides are those who make cubins: "nvptx", "tileir", "triton-3.6", …
struct Candidate {
  std::string side;
  size_t variant = 0; ///< of the task
  size_t build = 0;   ///< of the variant's builds; 0 for Triton

  bool triton() const { return side.starts_with("triton"); }
  /// "tileir:3:1": what it is called in the talk between processes.
  std::string key() const;
};

/// Every cubin of the task, Triton's first.
std::vector<Candidate> candidates(const std::filesystem::path& folder, const PlanTask& task);

/// A cubin ready to load, or why it is not there.
Result<Artefact> loadArtefact(const std::filesystem::path& folder, const PlanTask& task,
                              const Candidate& candidate);

/// How a cubin was made, for people: the configuration and the hints.
std::string describe(const PlanTask& task, const Candidate& candidate);

class GpuTask {
public:
  static Result<std::unique_ptr<GpuTask>> open(const std::filesystem::path& folder, const PlanTask& task,
                                               int device);

  /// Launches once over poisoned outputs and reads them back, sampled: front, middle and end of every output.
  Result<std::vector<double>> outputs(LoadedKernel& kernel, const Candidate& candidate);
  /// Seconds of each of `repeats` launches from a cold cache.
  Result<std::vector<double>> time(LoadedKernel& kernel, const Candidate& candidate, int repeats);
  Device& device() { return *device_; }

private:
  GpuTask(const std::filesystem::path& folder, const PlanTask& task) : folder_(folder), task_(task) {}
  Result<void> fill(size_t index);
  Result<std::vector<ArgumentValue>> arguments(const Candidate& candidate);

  const std::filesystem::path& folder_;
  const PlanTask& task_;
  std::unique_ptr<Device> device_;
  std::vector<std::unique_ptr<Buffer>> buffers_; ///< by argument; null for scalars
  std::unique_ptr<Buffer> scratch_;              ///< of Triton's kernels that want some
};

/// Empty when every pair is within the task's tolerance (NaN never is); else what is worst.
std::string disagreement(const PlanTask& task, const std::vector<double>& values,
                         const std::vector<double>& expected);

} // namespace tuned::bench
