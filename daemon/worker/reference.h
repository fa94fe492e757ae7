// What a kernel's outputs ought to be, by somebody who shares no code with the backend on trial: for CUDA
// devices the CPU backend, which compiles plainly then, without the analyses and simplifications that both
// use; for the CPU the scalar evaluator, which takes the module as it was parsed. The result's source says
// who it was.
#pragma once

#include "backend/device.h"
#include "daemon/worker/turns.h"
#include "ir/kernel/kernel.h"
#include "tuner/measure/inputs.h"
#include "tuner/measure/workbench.h"
#include "tuner/verify/verify.h"

#include <functional>
#include <memory>
#include <vector>

namespace tuned {

/// How a kernel's own sums of floats are taken (ir/transforms/reorder_sums.h and truncate_dots.h).
enum class Sums { AsWritten, Reordered, Widened, Truncated };

struct ReferenceRequest {
  const Kernel& kernel;
  const Sizes& sizes;
  Configuration configuration;     ///< of the variant whose program instances are evaluated
  std::vector<std::string> judges; ///< of the device on trial, in the order they are asked (Capabilities)
  uint64_t seed = 0;               ///< of the inputs, as the workbench has
  double seconds = 10; ///< about what the evaluation may take: beyond, program instances are sampled
  Sums sums = Sums::AsWritten;
  /// Where the kernel may run when the host is too slow for all of it: what the device's own compiler makes
  /// of it, checked by what the host computes of it. Null: nowhere.
  Device* device = nullptr;
  /// Seconds that the host may take where there is such a device; how long it would take is told from a part
  /// of it.
  double patience = 0.5;
  /// Taken while the device is used; null: nobody else uses it.
  Turns* turns = nullptr;
  /// The kernel's buffers on that device, where it runs then instead of in buffers of its own. Asked while
  /// the device is taken; empty, or null: there are none.
  std::function<Workbench*()> bench = {};
  /// Where inputs come from that others want, too; null: they are made.
  SharedInputs* inputs = nullptr;
  /// Takes what was begun in vain, and goes on behind the answer as long as the kernel and the sizes are
  /// there; null: the answer waits for its end.
  std::vector<std::shared_ptr<void>>* behind = nullptr;
};

/// By the document's judge, where it has one; else by the kernel's own IR on the CPU or in the evaluator. The
/// result's source says who: "cpu:plain", "reference", "softmax (cpu:plain)", "cuda:0, itself checked by
/// cpu:plain on 1024 elements". Unsupported: CUDA C++ without a judge. Faulted: the evaluator saw the kernel
/// leave its buffers, or trap. TimedOut: not one program instance ended in time.
Result<ReferenceResult> makeReference(const ReferenceRequest& request);

/// The same with the kernel's sums taken otherwise: what right builds may differ by. Empty when there are no
/// sums that round, or nobody can judge.
std::vector<ReferenceResult> otherReferences(ReferenceRequest request);

/// What the default configuration leaves on the device itself: the last resort for CUDA C++ without a judge.
/// It shows that all variants agree, not that they are right; the source is "default configuration".
Result<ReferenceResult> referenceByDefault(const ReferenceRequest& request);

} // namespace tuned
