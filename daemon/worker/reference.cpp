#include "daemon/worker/reference.h"

#include "backend/cpu/cpu.h"
#include "backend/options.h"
#include "backend/reference/reference.h"
#include "backend/registry.h"
#include "base/clock.h"
#include "daemon/worker/variant.h"
#include "ir/analysis/address/addresses.h"
#include "ir/frontends/ttir/specialize.h"
#include "ir/module.h"
#include "ir/transforms/reorder_sums.h"
#include "ir/transforms/truncate_dots.h"
#include "tuner/measure/sample.h"
#include "tuner/measure/workbench.h"

#include <algorithm>
#include <chrono>
#include <iostream>

namespace tuned {

namespace {

using Program = std::array<int64_t, 3>;
using Clock = std::chrono::steady_clock;
constexpr uint64_t sampleSeed = 1;
constexpr double kSampleSeconds = 0.3; ///< that the evaluator has for a sample of what the device does
constexpr int64_t kProbeShare = 64;    ///< one program of so many tells what all take on the host

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

/// The module that the request evaluates. NotFound: it asks for other sums, and there are none.
Result<mlir::OwningOpRef<mlir::ModuleOp>> moduleOf(mlir::MLIRContext& context,
                                                   const ReferenceRequest& request) {
  auto module = specialize(context, request.kernel, request.configuration, request.sizes);
  if (!module || request.sums == Sums::AsWritten) return module;
  const int changed = request.sums == Sums::Reordered ? reorderSums(**module)
                      : request.sums == Sums::Widened ? widenSums(**module)
                                                      : truncateDots(**module);
  if (changed == 0)
    return fail(ErrorKind::NotFound,
                "kernel '" + request.kernel.name + "' has no sums that could be taken otherwise");
  return module;
}

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

/// A build for `target`, with the sums that are asked for.
Result<Artefact> buildFor(const std::string& target, const ReferenceRequest& request, const Grid& grid) {
  auto context = makeContext();
  auto module = moduleOf(*context, request);
  if (!module) return fail(module.error());
  auto compiler = makeCompiler(target);
  if (!compiler) return fail(compiler.error());
  CompileOptions options = compileOptions(target, request.configuration);
  options.grid = grid;
  return (*compiler)->compile(module->get(), request.kernel.entry, options);
}

/// What a build leaves on the request's device.
Result<ReferenceResult> onDevice(const ReferenceRequest& request, const Artefact& artefact, const Grid& grid,
                                 const std::string& source) {
  auto turn = request.turns ? std::unique_lock(*request.turns) : std::unique_lock<Turns>();
  return computeReference(*request.device, request.kernel, request.sizes, request.seed, artefact, grid,
                          source);
}

/// By the device itself, once some of it agrees with the evaluator, which shares no code with any compiler.
Result<ReferenceResult> byDevice(const ReferenceRequest& request, const Grid& grid) {
  ReferenceRequest some = request;
  some.seconds = kSampleSeconds;
  auto sample = byEvaluator(some);
  if (!sample) return sample;
  auto artefact = buildFor(request.device->info().architecture, request, grid);
  if (!artefact) return fail(artefact.error());
  auto whole = onDevice(request, *artefact, grid, "");
  if (!whole) return whole;
  int64_t checked = 0;
  for (const ReferenceOutput& known : sample->outputs)
    for (const ReferenceOutput& output : whole->outputs) {
      if (output.argument != known.argument) continue;
      const std::string& type = request.kernel.arguments[known.argument].type;
      const Comparison compared = compare(known, type, output.expected, toleranceFor(request.kernel, type));
      if (compared.wrong > 0)
        return fail(ErrorKind::Internal, "the device's build differs from the evaluator in " +
                                             std::to_string(compared.wrong) + " of " +
                                             std::to_string(compared.checked) + " elements");
      checked += compared.checked;
    }
  if (checked == 0) return fail(ErrorKind::Internal, "the evaluator's sample wrote nothing");
  whole->source = request.device->info().id + ", itself checked by the evaluator on " +
                  std::to_string(checked) + " elements";
  return whole;
}

/// About a share of the grid's programs: as many as are told, from the front of each axis.
Grid frontOf(Grid grid, int64_t programs) {
  for (size_t axis = grid.size(); axis-- > 0;) {
    const int64_t all = grid[0] * grid[1] * grid[2];
    if (all > programs) grid[axis] = std::max<int64_t>(1, grid[axis] * programs / all);
  }
  return grid;
}

Result<ReferenceResult> byCpu(const ReferenceRequest& request) {
  auto device = openDevice("cpu");
  if (!device) return fail(device.error());
  auto instance = instantiate(request.kernel, request.configuration, request.sizes);
  if (!instance) return fail(instance.error());
  auto artefact = buildFor(cpu::plainTarget, request, instance->grid);
  if (!artefact) return fail(artefact.error());
  auto bench = Workbench::open(**device, request.kernel, request.sizes, request.seed);
  if (!bench) return fail(bench.error());
  auto loaded = (*device)->load(*artefact);
  if (!loaded) return fail(loaded.error());
  const Grid& grid = instance->grid;
  const int64_t programs = grid[0] * grid[1] * grid[2];
  const int64_t few = std::max<int64_t>(programs / kProbeShare, (*device)->info().multiprocessors);
  if (request.device && programs >= 2 * few) {
    const Grid front = frontOf(grid, few);
    const auto start = Clock::now();
    if (auto ok = (*device)->launch(**loaded, front, (*bench)->arguments()); !ok) return fail(ok.error());
    const double whole = secondsSince(start) * static_cast<double>(programs) /
                         static_cast<double>(front[0] * front[1] * front[2]);
    if (whole > request.patience) {
      auto fast = byDevice(request, grid);
      if (fast) return fast;
      std::cerr << "tuned-worker: the reference of " << request.kernel.name << " takes about " << whole
                << " s on the CPU: " << fast.error().text() << "\n";
    }
    if (auto ok = (*bench)->restore(); !ok) return fail(ok.error());
  }
  if (auto ok = (*device)->launch(**loaded, grid, (*bench)->arguments()); !ok) return fail(ok.error());
  return readReference(**bench, cpu::plainTarget);
}

} // namespace

namespace {

/// The document's judge in place of the kernel: its arguments are the kernel's, and so are its buffers.
Result<ReferenceResult> byJudge(const ReferenceRequest& request) {
  const Kernel& judge = *request.kernel.judge;
  auto result =
      makeReference({judge, request.sizes, judge.defaults, request.judges, request.seed, request.seconds,
                     request.sums, request.device, request.patience, request.turns});
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
  return onDevice(request, *artefact, instance->grid, "default configuration");
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

std::vector<ReferenceResult> otherReferences(ReferenceRequest request) {
  std::vector<ReferenceResult> out;
  for (Sums sums : {Sums::Reordered, Sums::Widened, Sums::Truncated}) {
    request.sums = sums;
    if (auto other = makeReference(request)) out.push_back(std::move(*other));
  }
  return out;
}

} // namespace tuned
