#include "daemon/worker/reference.h"

#include "backend/reference/reference.h"
#include "backend/registry.h"
#include "daemon/worker/variant.h"
#include "ir/frontends/ttir/specialize.h"
#include "tuner/measure/sample.h"
#include "tuner/measure/workbench.h"

#include <algorithm>
#include <chrono>

namespace tuned {

namespace {

using Program = std::array<int64_t, 3>;
using Clock = std::chrono::steady_clock;
constexpr uint64_t sampleSeed = 1;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Programs that add to what others wrote (atomics) are only right all together.
bool mustRunWhole(const Kernel& kernel) {
  return kernel.source.find("tt.atomic") != std::string::npos;
}

/// One module on host memory, filled anew for each run. A step outside a buffer is a fault.
struct Evaluation {
  const ReferenceRequest& request;
  mlir::ModuleOp module;
  Grid grid;

  Result<ReferenceResult> run(size_t count, double seconds) {
    auto inputs = HostInputs::make(request.kernel, request.sizes, request.seed);
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
  auto module = specialize(*context, request.kernel, request.configuration, request.sizes);
  if (!module) return fail(module.error());
  auto instance = instantiate(request.kernel, request.configuration, request.sizes);
  if (!instance) return fail(instance.error());
  Evaluation evaluation{request, module->get(), instance->grid};
  auto all = static_cast<size_t>(instance->grid[0] * instance->grid[1] * instance->grid[2]);
  if (all == 1 || mustRunWhole(request.kernel)) return evaluation.run(all, 3 * request.seconds);
  // One program tells what the rest would take.
  auto start = Clock::now();
  auto one = evaluation.run(1, request.seconds);
  if (!one) return one;
  double affordable = request.seconds / std::max(since(start), 1e-6);
  if (affordable < 2) return one;
  return evaluation.run(static_cast<size_t>(std::min(affordable, static_cast<double>(all))),
                        3 * request.seconds);
}

Result<ReferenceResult> byCpu(const ReferenceRequest& request) {
  auto device = openDevice("cpu");
  if (!device) return fail(device.error());
  auto artefact = compileVariant(request.kernel, request.configuration, request.sizes, "cpu");
  if (!artefact) return fail(artefact.error());
  auto instance = instantiate(request.kernel, request.configuration, request.sizes);
  if (!instance) return fail(instance.error());
  return computeReference(**device, request.kernel, request.sizes, request.seed, *artefact, instance->grid,
                          "cpu");
}

} // namespace

namespace {

/// The document's judge in place of the kernel: its arguments are the kernel's, and so are its buffers.
Result<ReferenceResult> byJudge(const ReferenceRequest& request) {
  const Kernel& judge = *request.kernel.judge;
  auto result =
      makeReference({judge, request.sizes, judge.defaults, request.judges, request.seed, request.seconds});
  if (!result) return result;
  result->source = judge.name + " (" + result->source + ")";
  return result;
}

} // namespace

Result<ReferenceResult> referenceByDefault(Device& device, const ReferenceRequest& request) {
  const Kernel& kernel = request.kernel;
  auto artefact = compileVariant(kernel, kernel.defaults, request.sizes, device.info().architecture);
  if (!artefact) return fail(artefact.error());
  auto instance = instantiate(kernel, kernel.defaults, request.sizes);
  if (!instance) return fail(instance.error());
  return computeReference(device, kernel, request.sizes, request.seed, *artefact, instance->grid,
                          "default configuration");
}

Result<ReferenceResult> makeReference(const ReferenceRequest& request) {
  if (request.kernel.judge) return byJudge(request);
  if (request.kernel.language == "cuda")
    return fail(ErrorKind::Unsupported, "kernel '" + request.kernel.name + "' is CUDA C++ and has no judge");
  Result<ReferenceResult> result = fail(ErrorKind::Unsupported, "nobody can judge this device's kernels");
  for (const std::string& judge : request.judges) {
    result = judge == "cpu" ? byCpu(request) : byEvaluator(request);
    if (result) break;
  }
  return result;
}

} // namespace tuned
