// `tuned-worker measure`: owns the device; verifies and times variants, of one problem at a time.
#include "tuner/measure/measure.h"
#include "backend/registry.h"
#include "base/clock.h"
#include "base/machine.h"
#include "base/model/json.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/commands.h"
#include "daemon/worker/confinement/confine.h"
#include "daemon/worker/confinement/limits.h"
#include "daemon/worker/expected.h"
#include "daemon/worker/loop.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {

using nlohmann::json;

constexpr uint64_t inputSeed = 1;
/// Share of the deadline of a measurement that computing the reference may take.
constexpr double referenceShare = 0.2;
constexpr double longestReference = 10;
constexpr auto betweenLooks = std::chrono::milliseconds(250);
/// The same where the evaluator judges each kernel in the time that is waited for: a sample of programs tells
/// as much.
constexpr double exclusiveReference = 0.5;

/// One problem on the device: its kernel, its expected outputs, and the buffers.
struct Bench {
  std::string problem, document;
  Kernel kernel;
  Sizes sizes;
  std::unique_ptr<SharedInputs> inputs = std::make_unique<SharedInputs>();
  std::unique_ptr<Measurer> measurer = {};
  std::unique_ptr<Expected> expected = {}; ///< refers to what stands before it
};

class MeasureWorker {
public:
  explicit MeasureWorker(std::unique_ptr<Device> device) : device_(std::move(device)) {}

  Result<json> handle(const json& request) {
    const std::string op = request.at("op");
    json out = json::array();
    if (op == "state") {
      out.push_back(json::object());
      look(out, true);
      return out;
    }
    if (auto ready = open(request); !ready) return fail(ready.error());
    PhaseSeconds opening;
    if (op == "prepare") {
      const std::lock_guard turn(turns_);
      if (request.value("energy", false))
        if (auto counted = device_->joules(); !counted) return fail(counted.error());
      if (auto ready = measurer(opening); !ready) return fail(ready.error());
      out.push_back({{"phases", opening}});
      return out;
    }
    auto variants = variantsOf(request);
    if (!variants) return fail(variants.error());
    // The evaluator would share its cores with a CPU that is timed.
    const bool wait = op == "judge" || device_->info().capabilities.exclusive;
    if (auto sound = expect(variants->at(0).configuration, wait, opening); !sound) return fail(sound.error());
    const std::lock_guard turn(turns_);
    if (auto ready = measurer(opening); !ready) return fail(ready.error());
    Measurer& on = *bench_->measurer;
    if (op == "duel")
      for (const Measured& measured : on.duel(*variants))
        out.push_back(answerOf(measured));
    else
      out.push_back(answerOf(op == "judge" ? on.judge(variants->at(0)) : on.measure(variants->at(0))));
    // What came before the first variant is told with it.
    for (const auto& [phase, seconds] : opening)
      out[0]["phases"][phase] = out[0]["phases"].value(phase, 0.0) + seconds;
    look(out, op == "duel");
    return out;
  }

private:
  static json answerOf(const Measured& measured) {
    Trial trial;
    trial.outcome = measured.outcome;
    trial.verdict = measured.verdict;
    trial.measureSeconds = measured.seconds;
    json answer = model::toJson(toMeasurement(trial));
    answer["phases"] = measured.phases;
    answer["can_judge"] = measured.canJudge;
    if (measured.outputs) answer["outputs"] = *measured.outputs;
    return answer;
  }

  /// Says with the first answer what else went on on the device since the last look: always after a duel,
  /// else now and then where looking takes about as long as a short measurement.
  void look(json& out, bool certainly) {
    const auto now = std::chrono::steady_clock::now();
    const bool takesLong = !device_->info().capabilities.exclusive;
    if (takesLong && !certainly && now - looked_ < betweenLooks) return;
    looked_ = now;
    if (auto state = device_->state()) out[0]["state"] = model::toJson(*state);
  }

  /// Takes up the request's problem, and begins with its expected outputs; buffers of another one are let go
  /// first.
  Result<void> open(const json& request) {
    std::string problem = request.at("problem"), document = request.at("kernel");
    // The same problem under another document may be judged by another tolerance.
    if (bench_ && bench_->problem == problem && bench_->document == document) return {};
    bench_.reset();
    auto kernel = parseKernel(document, "");
    if (!kernel) return fail(kernel.error());
    const std::string& target = device_->info().architecture;
    auto bench = std::make_unique<Bench>(problem, std::move(document),
                                         onTarget(std::move(*kernel), target, compilersFor(target)),
                                         request.at("sizes").get<Sizes>());
    const double deadline = request.at("seconds");
    bench->expected = std::make_unique<Expected>(referenceOf(*bench, deadline));
    bench_ = std::move(bench);
    return {};
  }

  /// By the default configuration, which is the one that its author ran.
  ReferenceRequest referenceOf(Bench& bench, double deadline) {
    const Capabilities& can = device_->info().capabilities;
    const double most = can.exclusive ? exclusiveReference : longestReference;
    ReferenceRequest request{bench.kernel, bench.sizes, bench.kernel.defaults,
                             can.judges,   inputSeed,   std::min(most, deadline * referenceShare)};
    request.device = device_.get();
    request.turns = &turns_;
    // They are made, and used, in turns.
    request.bench = [&bench] { return bench.measurer ? &bench.measurer->bench() : nullptr; };
    request.inputs = bench.inputs.get();
    return request;
  }

  /// The error of a kernel that must not run, as soon as it is known. `spent`: what waiting took.
  Result<void> expect(const Configuration& variant, bool wait, PhaseSeconds& spent) {
    bench_->expected->offer(variant);
    const auto start = std::chrono::steady_clock::now();
    const Result<ReferenceResult>* there = bench_->expected->get(wait);
    if (wait) spent["reference"] += secondsSince(start);
    if (there && !*there) return fail(there->error());
    return {};
  }

  /// Buffers, and what measures on them.
  Result<void> measurer(PhaseSeconds& spent) {
    if (bench_->measurer) return {};
    const auto start = std::chrono::steady_clock::now();
    auto bench = Workbench::open(*device_, bench_->kernel, bench_->sizes, inputSeed, bench_->inputs.get());
    if (!bench) return fail(bench.error());
    spent["inputs"] += secondsSince(start);
    auto reference = [this](bool wait) -> const ReferenceResult* {
      const Result<ReferenceResult>* there = bench_->expected->get(wait);
      return there && *there ? &**there : nullptr;
    };
    // Asked only when something differs, within one measurement, whose deadline has to hold, and while the
    // device is ours.
    auto others = [this] {
      ReferenceRequest request = bench_->expected->request();
      request.turns = nullptr;
      request.bench = {}; // it holds the outputs that are in doubt
      request.seconds /= 4;
      return bench_->expected->get(true)->value().outputs.empty() ? std::vector<ReferenceResult>()
                                                                  : otherReferences(request);
    };
    bench_->measurer = std::make_unique<Measurer>(std::move(*bench), bench_->sizes, std::move(reference),
                                                  std::move(others), optionsFor(device_->info()));
    return {};
  }

  static Result<std::vector<MeasureRequest>> variantsOf(const json& request) {
    std::vector<MeasureRequest> out;
    for (const auto& variant : request.at("variants")) {
      auto artefact = artefactFromJson(variant.at("artefact"));
      if (!artefact) return fail(artefact.error());
      double best = variant.at("best");
      out.push_back({variant.at("configuration").get<Configuration>(),
                     std::make_shared<Artefact>(std::move(*artefact)),
                     best > 0 ? std::optional(best) : std::nullopt, variant.value("energy", false)});
    }
    if (out.empty()) return fail(ErrorKind::Internal, "a measurement of no variant");
    return out;
  }

  std::unique_ptr<Device> device_;
  Turns turns_; ///< on the device
  std::chrono::steady_clock::time_point looked_;
  std::unique_ptr<Bench> bench_; ///< after the device: its buffers go first
};

} // namespace

int measureCommand(const std::string& id) {
  const bool native = id == "cpu"; // a kernel's own code runs in this process
  if (!enterConfinement(native ? Duty::MeasureCpu : Duty::MeasureGpu, toolFolders())) return 1;
  if (native) limitMemory(memoryForMeasuring());
  auto device = openDevice(id);
  if (!device) {
    Error error = device.error();
    return serve([error](const nlohmann::json&) -> Result<nlohmann::json> { return fail(error); });
  }
  MeasureWorker worker(std::move(*device));
  if (native)
    if (auto closed = closeFiles(); !closed) std::cerr << "tuned-worker: " << closed.error().text() << "\n";
  return serve([&](const nlohmann::json& request) { return worker.handle(request); });
}

} // namespace tuned
