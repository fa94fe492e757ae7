#include "daemon/worker/reference.h"

#include "backend/reference/reference.h"
#include "base/clock.h"
#include "daemon/worker/host_reference.h"
#include "daemon/worker/reference_module.h"
#include "daemon/worker/variant.h"
#include "ir/analysis/address/addresses.h"
#include "tuner/measure/sample.h"
#include "tuner/measure/workbench.h"

#include <algorithm>
#include <chrono>

namespace tuned {

namespace {

using Program = std::array<int64_t, 3>;
using Clock = std::chrono::steady_clock;
constexpr uint64_t sampleSeed = 1;

/// One module on host memory, filled anew for each run. A step outside a buffer is a fault.
struct Evaluation {
  const ReferenceRequest& request;
  mlir::ModuleOp module;
  Grid grid;

  Result<ReferenceResult> run(size_t count, double seconds) {
    auto inputs = HostInputs::make(request.kernel, request.sizes, request.seed, request.inputs);
    if (!inputs) return fail(inputs.error());
    std::vector<HostBytes> memory;
    for (const auto& [address, bytes] : inputs->memory())
      memory.push_back({address, bytes});
    std::vector<Program> programs = samplePrograms(grid, count, sampleSeed);
    auto written =
        evaluate(module, request.kernel.entry, grid, inputs->arguments(), programs, memory, {seconds});
    if (!written) return fail(written.error());
    std::vector<std::pair<uint64_t, size_t>> ranges;
    for (const HostBytes& range : written->ranges)
      ranges.emplace_back(range.address, range.bytes);
    return referenceFromWritten(request.kernel, *inputs, ranges, "reference");
  }
};

Result<ReferenceResult> byEvaluator(const ReferenceRequest& request) {
  auto context = makeContext();
  auto module = moduleOf(*context, request);
  if (!module) return fail(module.error());
  auto instance = instantiate(request.kernel, request.configuration, request.sizes);
  if (!instance) return fail(instance.error());
  Evaluation evaluation{request, module->get(), instance->grid};
  auto all = static_cast<size_t>(instance->grid[0] * instance->grid[1] * instance->grid[2]);
  if (all == 1 || tt::updatesMemory(module->get())) return evaluation.run(all, 3 * request.seconds);
  // One program tells what the rest would take.
  auto start = Clock::now();
  auto one = evaluation.run(1, request.seconds);
  if (!one) return one;
  double affordable = request.seconds / std::max(secondsSince(start), 1e-6);
  if (affordable < 2) return one;
  return evaluation.run(static_cast<size_t>(std::min(affordable, static_cast<double>(all))),
                        3 * request.seconds);
}

/// The document's judge in place of the kernel: its arguments are the kernel's, and so are its buffers.
Result<ReferenceResult> byJudge(const ReferenceRequest& request) {
  const Kernel& judge = *request.kernel.judge;
  auto result = makeReference({judge, request.sizes, judge.defaults, request.judges, request.seed,
                               request.seconds, request.sums, request.device, request.patience, request.turns,
                               request.bench, request.inputs, request.behind});
  if (!result) return result;
  result->source = judge.name + " (" + result->source + ")";
  return result;
}

} // namespace

Result<ReferenceResult> referenceByDefault(const ReferenceRequest& request) {
  const Kernel& kernel = request.kernel;
  auto artefact = compileVariant(kernel, kernel.defaults, request.sizes, request.device->info().architecture);
  if (!artefact) return fail(artefact.error());
  auto instance = instantiate(kernel, kernel.defaults, request.sizes);
  if (!instance) return fail(instance.error());
  return referenceOnDevice(request, *artefact, instance->grid, "default configuration");
}

Result<ReferenceResult> makeReference(const ReferenceRequest& request) {
  if (request.kernel.judge) return byJudge(request);
  if (request.kernel.language == "cuda")
    return fail(ErrorKind::Unsupported, "kernel '" + request.kernel.name + "' is CUDA C++ and has no judge");
  Result<ReferenceResult> result = fail(ErrorKind::Unsupported, "nobody can judge this device's kernels");
  for (const std::string& judge : request.judges) {
    result = judge == "cpu" ? referenceByHost(request) : byEvaluator(request);
    if (result) break;
  }
  return result;
}

std::vector<ReferenceResult> otherReferences(ReferenceRequest request) {
  std::vector<ReferenceResult> out;
  for (Sums sums : {Sums::Reordered, Sums::Widened, Sums::Truncated}) {
    request.sums = sums;
    if (auto other = makeReference(request)) out.push_back(std::move(*other));
  }
  return out;
}

} // namespace tuned
