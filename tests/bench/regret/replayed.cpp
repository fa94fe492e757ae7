#include "tests/bench/regret/replayed.h"

#include "tuner/search/tuner.h"

#include <algorithm>
#include <deque>
#include <random>

namespace tuned::bench {
namespace {

/// Some build at some round.
struct At : LoadedKernel {
  const std::vector<double>* seconds = nullptr;
  size_t round = 0;
};

class RecordedDevice : public Device {
public:
  double spent = 0;

  RecordedDevice() {
    info_.id = "cpu";
    info_.capabilities.exclusive = true;
  }
  const DeviceInfo& info() const override { return info_; }
  Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& /*grid*/,
                                   std::span<const ArgumentValue> /*arguments*/,
                                   const TimingRequest& request) override {
    auto& at = static_cast<At&>(kernel);
    std::vector<double> out;
    for (int i = 0; i < request.repeats; ++i)
      out.push_back(at.seconds->at(at.round++ % at.seconds->size()));
    for (double each : out)
      spent += each;
    return out;
  }

  Result<std::unique_ptr<Buffer>> allocate(size_t /*bytes*/) override { return nothing(); }
  Result<void> upload(Buffer& /*to*/, size_t /*offset*/, std::span<const std::byte> /*data*/) override {
    return nothing();
  }
  Result<void> download(const Buffer& /*from*/, size_t /*offset*/, std::span<std::byte> /*data*/) override {
    return nothing();
  }
  Result<void> fill(Buffer& /*to*/, size_t /*offset*/, size_t /*bytes*/, std::byte /*value*/) override {
    return nothing();
  }
  Result<void> copy(Buffer& /*to*/, const Buffer& /*from*/, size_t /*bytes*/) override { return nothing(); }
  Result<std::unique_ptr<LoadedKernel>> load(const Artefact& /*artefact*/) override { return nothing(); }
  Result<void> launch(LoadedKernel& /*kernel*/, const Grid& /*grid*/,
                      std::span<const ArgumentValue> /*arguments*/) override {
    return nothing();
  }

private:
  static std::unexpected<Error> nothing() {
    return fail(ErrorKind::Unsupported, "a recording has times alone");
  }
  DeviceInfo info_;
};

class RecordedExecutor : public Executor {
public:
  RecordedExecutor(const Recorded& recorded, const Policy& policy, uint64_t seed)
      : recorded_(recorded), policy_(policy), random_(seed) {}

  double spent() const { return device_.spent; }

  bool exclusive() const override { return true; }
  int compileSlots() const override { return 1; }
  void compile(std::span<const Configuration> configurations) override {
    compiled_.insert(compiled_.end(), configurations.begin(), configurations.end());
  }
  std::optional<Compiled> nextCompiled(std::chrono::milliseconds /*patience*/) override {
    if (compiled_.empty()) return std::nullopt;
    Compiled out{compiled_.front(), "", nullptr, CompileFailed{"it was not recorded"}};
    compiled_.pop_front();
    if (auto code = recorded_.codes.find(out.configuration); code != recorded_.codes.end()) {
      auto artefact = std::make_shared<Artefact>();
      artefact->bytes = std::to_string(code->second);
      artefact->launch.grid = {1, 1, 1};
      out.artefact = std::move(artefact);
    }
    return out;
  }
  Measured measure(const MeasureRequest& request) override {
    const auto kernel = load(request, random_());
    const double first = device_.time(*kernel, {1, 1, 1}, {}, {1, true})->front();
    Measured out = judge(request);
    out.outcome = timeLaunches(device_, *kernel, {1, 1, 1}, {}, policy_.measure, request.best, first);
    return out;
  }
  Measured judge(const MeasureRequest& /*request*/) override {
    Measured out;
    out.outcome = Timed{};
    out.verdict.state = "passed";
    return out;
  }
  std::vector<Measured> duel(std::span<const MeasureRequest> requests) override {
    const uint64_t round = random_();
    std::vector<Racer> racers;
    for (const MeasureRequest& request : requests)
      racers.push_back({load(request, round)});
    race(device_, racers, {}, policy_.measure);
    std::vector<Measured> out;
    for (Racer& racer : racers) {
      Timed timed = summarize(std::move(racer.samples));
      timed.abandoned = racer.behind;
      out.push_back(judge(requests.front()));
      out.back().outcome = std::move(timed);
    }
    return out;
  }
  void cancel() override { compiled_.clear(); }

private:
  std::unique_ptr<At> load(const MeasureRequest& request, uint64_t round) const {
    auto out = std::make_unique<At>();
    out->seconds = &recorded_.seconds[recorded_.codes.at(request.configuration)];
    out->round = round % out->seconds->size();
    return out;
  }

  const Recorded& recorded_;
  const Policy& policy_;
  std::mt19937_64 random_;
  RecordedDevice device_;
  std::deque<Configuration> compiled_;
};

} // namespace

Replayed replay(const Problem& problem, const Recorded& recorded, const Policy& policy, uint64_t seed) {
  RecordedExecutor executor(recorded, policy, seed);
  TuneRequest request;
  request.kernel = problem.kernel;
  request.sizes = problem.sizes;
  request.finalists = policy.finalists;
  // The space is what was recorded: what differs in nothing that the compiler reads was left out of it.
  for (KernelParameter& parameter : request.kernel.parameters) {
    std::vector<int64_t> seen;
    for (const auto& [configuration, code] : recorded.codes)
      if (auto value = configuration.find(parameter.name);
          value != configuration.end() && std::ranges::find(seen, value->second) == seen.end())
        seen.push_back(value->second);
    if (!seen.empty()) parameter.values = std::move(seen);
  }
  auto result = tune(request, executor);
  if (!result) die(result.error().text());
  if (!result->winner) die("no winner: " + result->failures());
  return {recorded.codes.at(result->winner->trial.configuration), executor.spent()};
}

} // namespace tuned::bench
