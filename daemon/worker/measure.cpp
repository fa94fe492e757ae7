// `tuned-worker measure`: owns the device; verifies and times variants, of one problem at a time.
#include "tuner/measure/measure.h"
#include "backend/registry.h"
#include "base/machine.h"
#include "base/model/json.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/commands.h"
#include "daemon/worker/confinement/confine.h"
#include "daemon/worker/confinement/limits.h"
#include "daemon/worker/loop.h"
#include "daemon/worker/reference.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {

constexpr uint64_t inputSeed = 1;
/// Share of the deadline of a measurement that computing the reference may take.
constexpr double referenceShare = 0.2;
constexpr double longestReference = 10;
constexpr auto betweenLooks = std::chrono::milliseconds(250);
/// The same where the evaluator judges each kernel in the time that is waited for: a sample of programs tells
/// as much.
constexpr double exclusiveReference = 1;

/// One problem on the device: its kernel and, once the first variant came, buffers and reference.
struct Bench {
  std::string problem, document;
  Kernel kernel;
  Sizes sizes;
  std::unique_ptr<Measurer> measurer;
};

class MeasureWorker {
public:
  explicit MeasureWorker(std::unique_ptr<Device> device) : device_(std::move(device)) {}

  Result<nlohmann::json> handle(const nlohmann::json& request) {
    if (request.at("op") == "state") {
      nlohmann::json out = nlohmann::json::array({nlohmann::json::object()});
      look(out, true);
      return out;
    }
    if (auto ready = open(request); !ready) return fail(ready.error());
    auto variants = variantsOf(request);
    if (!variants) return fail(variants.error());
    PhaseSeconds opening;
    if (!bench_.measurer)
      if (auto ready = measurer(variants->at(0).configuration, request.at("seconds"), opening); !ready)
        return fail(ready.error());
    nlohmann::json out = nlohmann::json::array();
    auto add = [&](const Measured& measured) {
      Trial trial;
      trial.outcome = measured.outcome;
      trial.verdict = measured.verdict;
      trial.measureSeconds = measured.seconds;
      nlohmann::json answer = model::toJson(toMeasurement(trial));
      answer["phases"] = measured.phases;
      // What came before the first variant is told with it.
      for (const auto& [phase, seconds] : std::exchange(opening, {}))
        answer["phases"][phase] = seconds;
      out.push_back(std::move(answer));
    };
    if (request.at("op") == "duel")
      for (const Measured& measured : bench_.measurer->duel(*variants))
        add(measured);
    else
      add(bench_.measurer->measure(variants->at(0)));
    look(out, request.at("op") == "duel");
    return out;
  }

private:
  /// Says with the first answer what else went on on the device since the last look: always after a duel,
  /// else now and then, since looking takes about as long as a short measurement.
  void look(nlohmann::json& out, bool certainly) {
    const auto now = std::chrono::steady_clock::now();
    if (!certainly && now - looked_ < betweenLooks) return;
    looked_ = now;
    if (auto state = device_->state()) out[0]["state"] = model::toJson(*state);
  }

  /// Takes up the request's problem; buffers of another one are let go first.
  Result<void> open(const nlohmann::json& request) {
    std::string problem = request.at("problem"), document = request.at("kernel");
    // The same problem under another document may be judged by another tolerance.
    if (bench_.problem == problem && bench_.document == document) return {};
    bench_ = Bench();
    auto kernel = parseKernel(document, "");
    if (!kernel) return fail(kernel.error());
    bench_ = {problem, std::move(document), std::move(*kernel), request.at("sizes").get<Sizes>(), nullptr};
    return {};
  }

  static Result<std::vector<MeasureRequest>> variantsOf(const nlohmann::json& request) {
    std::vector<MeasureRequest> out;
    for (const auto& variant : request.at("variants")) {
      auto artefact = artefactFromJson(variant.at("artefact"));
      if (!artefact) return fail(artefact.error());
      double best = variant.at("best");
      out.push_back({variant.at("configuration").get<Configuration>(),
                     std::make_shared<Artefact>(std::move(*artefact)),
                     best > 0 ? std::optional(best) : std::nullopt});
    }
    if (out.empty()) return fail(ErrorKind::Internal, "a measurement of no variant");
    return out;
  }

  /// Buffers and reference. The default configuration is the one its author ran; else the variant's own is
  /// evaluated.
  Result<void> measurer(const Configuration& variant, double deadline, PhaseSeconds& spent) {
    PhaseClock phases;
    phases.enter("reference");
    const bool exclusive = device_->info().capabilities.exclusive;
    double seconds = std::min(exclusive ? exclusiveReference : longestReference, deadline * referenceShare);
    ReferenceRequest request{
        bench_.kernel, bench_.sizes, bench_.kernel.defaults, device_->info().capabilities.judges,
        inputSeed,     seconds,      Sums::AsWritten,        device_.get()};
    auto reference = makeReference(request);
    const bool cuda = bench_.kernel.language == "cuda";
    if (!reference && !cuda) {
      request.configuration = variant;
      reference = makeReference(request);
    }
    if (!reference && cuda && reference.error().kind != ErrorKind::Faulted) {
      std::cerr << "tuned-worker: " << bench_.kernel.name
                << " is compared with its default configuration: " << reference.error().text() << "\n";
      reference = referenceByDefault(*device_, request);
    }
    // A kernel that leaves its buffers in the evaluator is not let loose on the device. What the evaluator
    // does not take, or not in time, is judged by guards and by its peers only, and its verdict says so.
    if (!reference && reference.error().kind == ErrorKind::Faulted) return fail(reference.error());
    if (!reference) {
      std::cerr << "tuned-worker: " << bench_.kernel.name << " has no reference: " << reference.error().text()
                << "\n";
      reference = ReferenceResult{};
    }
    phases.enter("inputs");
    auto bench = Workbench::open(*device_, bench_.kernel, bench_.sizes, inputSeed);
    if (!bench) return fail(bench.error());
    spent = phases.seconds();
    // Asked only when something differs; the request refers to the bench, which outlives its measurer. Both
    // come on top of one measurement, whose deadline has to hold.
    request.seconds /= 4;
    auto others = [request, unjudged = reference->outputs.empty()]() {
      return unjudged ? std::vector<ReferenceResult>() : otherReferences(request);
    };
    bench_.measurer =
        std::make_unique<Measurer>(std::move(*bench), bench_.sizes, std::move(*reference), std::move(others));
    return {};
  }

  std::unique_ptr<Device> device_;
  std::chrono::steady_clock::time_point looked_;
  Bench bench_; ///< after the device: its buffers go first
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
