#include "daemon/worker/host_reference.h"

#include "backend/cpu/cpu.h"
#include "backend/options.h"
#include "backend/registry.h"
#include "base/clock.h"
#include "daemon/worker/reference_module.h"
#include "ir/analysis/address/addresses.h"
#include "tuner/measure/sample.h"
#include "tuner/measure/workbench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <future>
#include <iostream>
#include <thread>

namespace tuned {

namespace {

using Program = std::array<int64_t, 3>;

constexpr uint64_t kSampleSeed = 1;
constexpr int64_t kSampleShare = 4; ///< one program of so many is run at most, before all are
constexpr int64_t kMostSampled = 4096;
constexpr double kTelling = 0.02;       ///< seconds of programs that tell what all would take
constexpr double kSampleSeconds = 0.15; ///< that programs are run for, while the device's build is made
constexpr unsigned kManyCores = 4;
/// A program of the device's build, which is to be made soon, not to run fast. The more threads share a tile
/// the fewer values each holds, and it is those that compilers take long over: forward attention of 64 rows
/// and D 128 compiles in 0.67 s with 4 warps, in 0.31 with 8, in 0.20 with 16.
constexpr int kReferenceWarps = 16;

struct Built {
  Artefact artefact;
  bool updatesMemory = false;
};

/// A build for `target`, with the sums that are asked for, and with so many warps at least.
Result<Built> buildFor(const std::string& target, const ReferenceRequest& request, const Grid& grid,
                       int warps = 1) {
  auto context = makeContext();
  auto module = moduleOf(*context, request);
  if (!module) return fail(module.error());
  const bool updates = tt::updatesMemory(module->get());
  auto compiler = makeCompiler(target);
  if (!compiler) return fail(compiler.error());
  CompileOptions options = compileOptions(target, request.configuration);
  options.grid = grid;
  options.compiler.clear();
  options.numStages = 1;
  options.numWarps = std::max(options.numWarps, warps);
  auto artefact = (*compiler)->compile(module->get(), request.kernel.entry, options);
  if (!artefact) return fail(artefact.error());
  return Built{std::move(*artefact), updates};
}

/// What went into an answer, for the log.
class Laps {
public:
  void end(const char* what) {
    char each[64];
    std::snprintf(each, sizeof each, "%s%s %.2f", text_.empty() ? "" : ", ", what, secondsSince(last_));
    text_ += each;
    last_ = std::chrono::steady_clock::now();
  }
  const std::string& text() const { return text_; }

private:
  std::string text_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// The kernel's plain build on host memory.
struct Host {
  const ReferenceRequest& request;
  Grid grid;
  bool updatesMemory;
  std::unique_ptr<cpu::HostDevice> device;
  std::unique_ptr<Workbench> bench;
  std::unique_ptr<LoadedKernel> kernel;

  static Result<Host> open(const ReferenceRequest& request) {
    auto device = cpu::makeDevice();
    if (!device) return fail(device.error());
    auto instance = instantiate(request.kernel, request.configuration, request.sizes);
    if (!instance) return fail(instance.error());
    auto building =
        std::async(std::launch::async, [&] { return buildFor(cpu::plainTarget, request, instance->grid); });
    auto bench = Workbench::open(**device, request.kernel, request.sizes, request.seed, request.inputs);
    auto built = building.get();
    if (!built) return fail(built.error());
    if (!bench) return fail(bench.error());
    auto kernel = (*device)->load(built->artefact);
    if (!kernel) return fail(kernel.error());
    return Host{request,           instance->grid,    built->updatesMemory, std::move(*device),
                std::move(*bench), std::move(*kernel)};
  }

  int64_t programs() const { return grid[0] * grid[1] * grid[2]; }

  Result<ReferenceResult> whole() {
    if (auto ok = bench->restore(); !ok) return fail(ok.error());
    if (auto ok = device->launch(*kernel, grid, bench->arguments()); !ok) return fail(ok.error());
    return readReference(*bench, cpu::plainTarget);
  }

  /// Seconds that these took.
  Result<double> run(std::span<const Program> some) {
    const auto start = std::chrono::steady_clock::now();
    if (auto ok = device->launchSome(*kernel, grid, bench->arguments(), some); !ok) return fail(ok.error());
    return secondsSince(start);
  }
};

/// Some of a host's programs, run in larger and larger batches, the most telling first.
class Sample {
public:
  explicit Sample(Host& host)
      : host_(host),
        order_(samplePrograms(host.grid,
                              static_cast<size_t>(std::min(host.programs() / kSampleShare, kMostSampled)),
                              kSampleSeed)) {}

  /// Runs more of them until that took about so many seconds, or none is left; the first few whatever they
  /// take.
  Result<void> run(double seconds) {
    const auto cores = static_cast<size_t>(std::max(1, host_.device->info().multiprocessors));
    for (const double end = spent_ + seconds; done_ < order_.size() && spent_ < end;) {
      // Programs fill the cores round by round.
      const auto affordable = round_ > 0 ? static_cast<size_t>((end - spent_) / round_) : 1;
      if (affordable == 0) break;
      const size_t batch = std::min({std::max(cores, 2 * last_), affordable * cores, order_.size() - done_});
      auto took = host_.run(std::span(order_).subspan(done_, batch));
      if (!took) return fail(took.error());
      round_ = *took / std::ceil(static_cast<double>(batch) / static_cast<double>(cores));
      whole_ = round_ * std::ceil(static_cast<double>(host_.programs()) / static_cast<double>(cores));
      spent_ += *took;
      done_ += batch;
      last_ = batch;
    }
    return {};
  }
  std::span<const Program> programs() const { return std::span(order_).first(done_); }
  /// Seconds that all programs of the grid would take, by the last batch.
  double wholeSeconds() const { return whole_; }

private:
  Host& host_;
  std::vector<Program> order_;
  size_t done_ = 0, last_ = 0;
  double spent_ = 0, round_ = 0, whole_ = 0; ///< seconds
};

/// The same programs with the kernel's sums taken otherwise.
std::vector<ReferenceResult> otherwise(ReferenceRequest request, std::span<const Program> programs) {
  std::vector<ReferenceResult> out;
  for (Sums sums : {Sums::Reordered, Sums::Widened, Sums::Truncated}) {
    request.sums = sums;
    auto host = Host::open(request);
    if (!host || !host->run(programs)) continue;
    if (auto outputs = changedOutputs(*host->bench, "")) out.push_back(std::move(*outputs));
  }
  return out;
}

/// On how many elements `whole` agrees with what is known; an error where it does not.
Result<int64_t> agreement(const ReferenceRequest& request, const ReferenceResult& known,
                          const ReferenceResult& whole, std::span<const Program> programs) {
  int64_t checked = 0;
  std::optional<std::vector<ReferenceResult>> others;
  for (const ReferenceOutput& part : known.outputs)
    for (const ReferenceOutput& output : whole.outputs) {
      if (output.argument != part.argument) continue;
      const std::string& type = request.kernel.arguments[part.argument].type;
      Tolerance tolerance = toleranceFor(request.kernel, type);
      Comparison compared = compare(part, type, output.expected, tolerance);
      if (compared.wrong > 0) {
        if (!others) others = otherwise(request, programs);
        const double spread = spreadOf(part, *others, type, tolerance);
        tolerance.relative *= spread;
        tolerance.absolute *= spread;
        compared = compare(part, type, output.expected, tolerance);
      }
      if (compared.wrong > 0)
        return fail(ErrorKind::Internal, "the device's build differs from the CPU's in " +
                                             std::to_string(compared.wrong) + " of " +
                                             std::to_string(compared.checked) + " elements");
      checked += compared.checked;
    }
  if (checked == 0) return fail(ErrorKind::Internal, "the part that the CPU ran changed no output");
  return checked;
}

/// The device's build, which is begun as soon as somebody may want it. The request's kernel and sizes outlive
/// it.
class DeviceBuild {
public:
  DeviceBuild(const ReferenceRequest& request, const Grid& grid)
      : built_(std::async(std::launch::async, [request, grid] {
          const std::string& target = request.device->info().architecture;
          auto built = buildFor(target, request, grid, kReferenceWarps);
          return built ? std::move(built) : buildFor(target, request, grid);
        })) {}
  /// Once.
  Result<Built> get() { return built_.get(); }

private:
  std::future<Result<Built>> built_; ///< its end waits for the build
};

/// The whole by the device, once it agrees with a sample that goes on while the device's build is made.
Result<ReferenceResult> byDevice(Host& host, Sample& sample, DeviceBuild& building, Laps& laps) {
  const ReferenceRequest& request = host.request;
  if (auto more = sample.run(kSampleSeconds); !more) return fail(more.error());
  laps.end("sample");
  auto known = changedOutputs(*host.bench, cpu::plainTarget);
  if (!known) return known;
  laps.end("what it wrote");
  auto built = building.get();
  if (!built) return fail(built.error());
  laps.end("device's build");
  auto whole = referenceOnDevice(request, built->artefact, host.grid, "");
  if (!whole) return whole;
  laps.end("on the device");
  auto checked = agreement(request, *known, *whole, sample.programs());
  if (!checked) return fail(checked.error());
  laps.end("compared");
  whole->source = request.device->info().id + ", itself checked by " + cpu::plainTarget + " on " +
                  std::to_string(*checked) + " elements";
  std::cerr << "tuned-worker: the reference of " << request.kernel.name << " would take "
            << sample.wholeSeconds() << " s on the CPU; " << laps.text() << " s\n";
  return whole;
}

} // namespace

Result<ReferenceResult> referenceOnDevice(const ReferenceRequest& request, const Artefact& artefact,
                                          const Grid& grid, const std::string& source) {
  auto turn = request.turns ? std::unique_lock(*request.turns) : std::unique_lock<Turns>();
  if (Workbench* bench = request.bench ? request.bench() : nullptr)
    return computeReference(*bench, artefact, grid, source);
  return computeReference(*request.device, request.kernel, request.sizes, request.seed, artefact, grid,
                          source, request.inputs);
}

Result<ReferenceResult> referenceByHost(const ReferenceRequest& request) {
  Laps laps;
  // Making the device's build takes longer than all of the rest: it is begun before anybody knows whether it
  // is wanted, where there are cores for that.
  std::shared_ptr<DeviceBuild> building;
  auto begin = [&](const Grid& grid) {
    building = std::make_shared<DeviceBuild>(request, grid);
    if (request.behind) request.behind->push_back(building);
  };
  const bool byDeviceToo = request.device && request.sums == Sums::AsWritten;
  if (byDeviceToo && std::thread::hardware_concurrency() >= kManyCores)
    if (auto instance = instantiate(request.kernel, request.configuration, request.sizes))
      begin(instance->grid);
  auto host = Host::open(request);
  if (!host) return fail(host.error());
  laps.end("inputs and the CPU's build");
  if (!request.device || host->updatesMemory || host->programs() < 2 * kSampleShare) return host->whole();
  Sample sample(*host);
  if (auto ok = sample.run(kTelling); !ok) return fail(ok.error());
  if (sample.wholeSeconds() <= request.patience) return host->whole();
  if (request.sums != Sums::AsWritten) {
    if (auto ok = sample.run(kSampleSeconds); !ok) return fail(ok.error());
    return changedOutputs(*host->bench, cpu::plainTarget);
  }
  if (!building) begin(host->grid);
  auto fast = byDevice(*host, sample, *building, laps);
  if (fast) return fast;
  std::cerr << "tuned-worker: the reference of " << request.kernel.name << " takes about "
            << sample.wholeSeconds() << " s on the CPU: " << fast.error().text() << "\n";
  return host->whole();
}

} // namespace tuned
