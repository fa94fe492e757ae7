// What a kernel's outputs ought to be, by somebody who shares no code with the backend on trial: for CUDA
// devices the CPU backend, which compiles plainly then, without the analyses and simplifications that both
// use; for the CPU the scalar evaluator, which takes the module as it was parsed. The result's source says
// who it was.
#pragma once

#include "backend/device.h"
#include "ir/kernel.h"
#include "tuner/verify/verify.h"

namespace tuned {

struct ReferenceRequest {
  const Kernel& kernel;
  const Sizes& sizes;
  Configuration configuration;     ///< of the variant whose program instances are evaluated
  std::vector<std::string> judges; ///< of the device on trial, in the order they are asked (Capabilities)
  uint64_t seed = 0;               ///< of the inputs, as the workbench has
  double seconds = 10; ///< about what the evaluation may take: beyond, program instances are sampled
};

/// By the document's judge, where it has one; else by the kernel's own IR on the CPU or in the evaluator. The
/// result's source says who: "cpu:plain", "reference", "softmax (cpu:plain)". Unsupported: CUDA C++ without a
/// judge. Faulted: the evaluator saw the kernel leave its buffers, or trap. TimedOut: not one program
/// instance ended in time.
Result<ReferenceResult> makeReference(const ReferenceRequest& request);

/// What the default configuration leaves on the device itself: the last resort for CUDA C++ without a judge.
/// It shows that all variants agree, not that they are right; the source is "default configuration".
Result<ReferenceResult> referenceByDefault(Device& device, const ReferenceRequest& request);

} // namespace tuned
