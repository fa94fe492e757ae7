// One variant on a device: loaded, proven on fresh buffers, then timed; and the duel of those that did best.
#include "tuner/measure/measure.h"
#include "base/clock.h"

#include <algorithm>
#include <cstdio>

namespace tuned {
namespace {

std::string widenedText(double factor) {
  char text[160];
  std::snprintf(text, sizeof text,
                ", within %.1f tolerances, as the kernel's own sums differ by %.1f when taken otherwise",
                factor, factor / kSpreadMargin);
  return text;
}

std::string mismatchText(const KernelArgument& argument, const Comparison& comparison,
                         const std::string& source) {
  return "output '" + argument.name + "' differs from " + source + " at element " +
         std::to_string(comparison.first->index) + ": got " + comparison.first->got + ", expected " +
         comparison.first->expected + " (" + std::to_string(comparison.wrong) + " of " +
         std::to_string(comparison.checked) + " wrong)";
}

} // namespace

Result<Grid> Measurer::gridOf(const MeasureRequest& request) const {
  Grid grid = request.artefact->launch.grid;
  if (grid[0] < 1) { // the build does not say: the document does
    auto instance = instantiate(bench_->kernel(), request.configuration, sizes_);
    if (!instance) return fail(instance.error());
    grid = instance->grid;
  }
  const DeviceInfo& info = bench_->device().info();
  for (int axis = 0; axis < 3; ++axis)
    if (grid[axis] < 1 || grid[axis] > info.gridLimit[axis])
      return fail(ErrorKind::OutOfResources, "grid of " + std::to_string(grid[axis]) + " programs on axis " +
                                                 std::to_string(axis) + "; " + info.id + " takes 1 to " +
                                                 std::to_string(info.gridLimit[axis]));
  return grid;
}

double Measurer::spreadOf(const ReferenceOutput& output) {
  if (auto known = spreads_.find(output.argument); known != spreads_.end()) return known->second;
  if (!otherwise_) otherwise_ = others_ ? others_() : std::vector<ReferenceResult>();
  const std::string& type = bench_->kernel().arguments[output.argument].type;
  return spreads_[output.argument] =
             tuned::spreadOf(output, *otherwise_, type, toleranceFor(bench_->kernel(), type));
}

Result<Comparison> Measurer::compareOutput(const ReferenceOutput& output, Verdict& verdict) {
  Tolerance tolerance = toleranceFor(bench_->kernel(), bench_->kernel().arguments[output.argument].type);
  auto compared = bench_->compareOutput(output, tolerance);
  if (!compared || compared->wrong == 0) return compared;
  const double spread = spreadOf(output);
  if (spread <= 1) return compared;
  tolerance.relative *= spread;
  tolerance.absolute *= spread;
  verdict.factor = std::max(verdict.factor, spread);
  return bench_->compareOutput(output, tolerance);
}

Result<Measurer::Seen> Measurer::launchOnce(LoadedKernel& kernel, const Grid& grid) {
  Seen seen;
  if (auto ok = bench_->restore(); !ok) return fail(ok.error());
  auto time = bench_->device().time(kernel, grid, bench_->arguments(), {1, options_.coldCache});
  if (!time) return fail(time.error());
  seen.seconds = time->front();
  auto broken = bench_->brokenGuard();
  if (!broken) return fail(broken.error());
  seen.guardsIntact = !*broken;
  if (*broken) seen.wrong = **broken;
  auto changed = bench_->changedInput();
  if (!changed) return fail(changed.error());
  if (*changed) {
    if (seen.wrong.empty()) seen.wrong = **changed;
    if (auto ok = bench_->restoreInputs(); !ok) return fail(ok.error());
  }
  auto checksum = bench_->outputsChecksum();
  if (!checksum) return fail(checksum.error());
  seen.outputs = *checksum;
  return seen;
}

Result<Verdict> Measurer::verdictOf(const Seen& seen, const ReferenceResult* reference) {
  Verdict verdict;
  verdict.total = bench_->outputElements();
  verdict.tolerance = bench_->kernel().tolerance;
  verdict.guardsIntact = seen.guardsIntact;
  verdict.reason = seen.wrong;
  verdict.state = seen.wrong.empty() ? "pending" : "failed";
  if (!reference) return verdict;
  verdict.reference = reference->outputs.empty() ? "" : reference->source;
  if (auto known = seen.outputs ? right_.find(*seen.outputs) : right_.end(); known != right_.end()) {
    const Verdict& right = known->second;
    verdict.reference = right.reference;
    verdict.checked = right.checked;
    verdict.worstError = right.worstError;
    verdict.factor = right.factor;
    if (seen.wrong.empty()) verdict.state = right.state;
    return verdict;
  }
  for (const ReferenceOutput& output : reference->outputs) {
    const KernelArgument& argument = bench_->kernel().arguments[output.argument];
    auto compared = compareOutput(output, verdict);
    if (!compared) return fail(compared.error());
    verdict.checked += compared->checked;
    verdict.worstError = std::max(verdict.worstError, compared->worstError);
    if (compared->wrong > 0 && verdict.reason.empty())
      verdict.reason = mismatchText(argument, *compared, reference->source);
  }
  if (verdict.factor > 1) verdict.reference += widenedText(verdict.factor);
  verdict.state = !verdict.reason.empty() ? "failed" : verdict.checked > 0 ? "passed" : "unchecked";
  if (seen.outputs && verdict.reason.empty()) right_.emplace(*seen.outputs, verdict);
  return verdict;
}

/// Says how long it took, and what the time went into.
class Measurer::Account {
public:
  Measured& measured() { return measured_; }
  void spent(const char* phase) {
    measured_.phases[phase] += secondsSince(last_);
    last_ = std::chrono::steady_clock::now();
  }
  Measured end(Outcome outcome) {
    measured_.outcome = std::move(outcome);
    measured_.seconds = secondsSince(start_);
    return std::move(measured_);
  }

private:
  Measured measured_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

std::optional<Outcome> Measurer::look(const MeasureRequest& request, bool wait, Account& account,
                                      Launchable& out) {
  auto grid = gridOf(request);
  if (!grid) return outcomeOf(grid.error(), false);
  auto kernel = bench_->device().load(*request.artefact);
  account.spent("load");
  if (!kernel) return outcomeOf(kernel.error(), false);
  const ReferenceResult* reference = reference_(wait);
  if (wait) account.spent("reference");
  auto seen = launchOnce(**kernel, *grid);
  auto verdict = seen ? verdictOf(*seen, reference) : fail(seen.error());
  account.spent("verify");
  account.measured().canJudge = reference != nullptr;
  if (!verdict) return outcomeOf(verdict.error(), false);
  account.measured().verdict = *verdict;
  account.measured().outputs = seen->outputs;
  if (!verdict->reason.empty()) return WrongResult{verdict->reason};
  out = {std::move(*kernel), *grid, seen->seconds};
  return std::nullopt;
}

Measured Measurer::measure(const MeasureRequest& request) {
  Account account;
  Launchable variant;
  if (auto failure = look(request, false, account, variant)) return account.end(*failure);
  Outcome outcome = timeLaunches(bench_->device(), *variant.kernel, variant.grid, bench_->arguments(),
                                 options_, request.best, variant.first);
  account.spent("time");
  if (auto* timed = std::get_if<Timed>(&outcome); timed && request.energy && !timed->abandoned) {
    auto joules = energyOf(bench_->device(), *variant.kernel, variant.grid, bench_->arguments(), options_);
    account.spent("energy");
    if (!joules) return account.end(outcomeOf(joules.error(), false));
    timed->joules = *joules;
  }
  return account.end(std::move(outcome));
}

Measured Measurer::judge(const MeasureRequest& request) {
  Account account;
  Launchable variant;
  if (auto failure = look(request, true, account, variant)) return account.end(*failure);
  return account.end(Timed{});
}

std::vector<Measured> Measurer::duel(std::span<const MeasureRequest> requests) {
  auto start = std::chrono::steady_clock::now();
  std::vector<Racer> racers(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    auto grid = gridOf(requests[i]);
    auto kernel = grid ? bench_->device().load(*requests[i].artefact) : fail(grid.error());
    if (!kernel)
      racers[i].failure = outcomeOf(kernel.error(), false);
    else
      racers[i].kernel = std::move(*kernel), racers[i].grid = *grid;
  }
  const double loading = secondsSince(start);
  const bool energy = !requests.empty() && requests.front().energy;
  (energy ? weigh : race)(bench_->device(), racers, bench_->arguments(), options_);
  std::vector<Measured> out;
  for (Racer& racer : racers) {
    Measured measured;
    Timed timed = summarize(std::move(racer.samples));
    timed.abandoned = racer.behind;
    timed.joules = racer.joules;
    measured.outcome = racer.failure ? *racer.failure : Outcome(std::move(timed));
    measured.seconds = secondsSince(start) / static_cast<double>(std::max<size_t>(1, racers.size()));
    out.push_back(std::move(measured));
  }
  if (!out.empty()) out.front().phases = {{"load", loading}, {"time", secondsSince(start) - loading}};
  return out;
}

} // namespace tuned
