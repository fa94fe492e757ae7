// One variant on a device: loaded, proven on fresh buffers, then timed; and the duel of those that did best.
#include "tuner/measure/measure.h"

#include "base/clock.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

namespace tuned {
namespace {

/// What right builds may differ by, over what two other ways of summing did; and the most tolerances that may
/// be.
constexpr double kSpreadMargin = 2, kWidestSpread = 64;

std::string mismatchText(const KernelArgument& argument, const Comparison& comparison,
                         const std::string& source) {
  return "output '" + argument.name + "' differs from " + source + " at element " +
         std::to_string(comparison.first->index) + ": got " + comparison.first->got + ", expected " +
         comparison.first->expected + " (" + std::to_string(comparison.wrong) + " of " +
         std::to_string(comparison.checked) + " wrong)";
}

/// A variant in the duel.
struct Finalist {
  std::unique_ptr<LoadedKernel> kernel;
  Grid grid = {1, 1, 1};
  std::vector<double> samples;
  std::optional<Outcome> failure;
};

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
  const KernelArgument& argument = bench_->kernel().arguments[output.argument];
  double worst = 0;
  for (const ReferenceResult& other : *otherwise_)
    for (const ReferenceOutput& same : other.outputs)
      if (same.argument == output.argument)
        worst = std::max(worst,
                         compare(output, same, argument.type, toleranceFor(bench_->kernel(), argument.type)));
  // Two orders are a sample of all there are. Beyond the limit, or where one gives no number, nothing is
  // widened: what a kernel computes then is not told by its tolerance.
  const double spread = kSpreadMargin * worst;
  return spreads_[output.argument] = spread > 1 && spread <= kWidestSpread ? spread : 1;
}

Result<Comparison> Measurer::compareOutput(const ReferenceOutput& output, Verdict& verdict) {
  Tolerance tolerance = toleranceFor(bench_->kernel(), bench_->kernel().arguments[output.argument].type);
  auto compared = bench_->compareOutput(output, tolerance);
  if (!compared || compared->wrong == 0) return compared;
  const double spread = spreadOf(output);
  if (spread <= 1) return compared;
  tolerance.relative *= spread;
  tolerance.absolute *= spread;
  compared = bench_->compareOutput(output, tolerance);
  char text[160];
  std::snprintf(text, sizeof text,
                ", within %.1f tolerances, as the kernel's own sums differ by %.1f when taken otherwise",
                spread, spread / kSpreadMargin);
  verdict.reference = reference_.source + text;
  return compared;
}

Result<Verdict> Measurer::verify(LoadedKernel& kernel, const Grid& grid, std::string& wrong) {
  Verdict verdict;
  verdict.reference = reference_.outputs.empty() ? "" : reference_.source;
  verdict.total = bench_->outputElements();
  verdict.tolerance = bench_->kernel().tolerance;
  if (auto ok = bench_->restore(); !ok) return fail(ok.error());
  if (auto ok = bench_->device().launch(kernel, grid, bench_->arguments()); !ok) return fail(ok.error());
  auto broken = bench_->brokenGuard();
  if (!broken) return fail(broken.error());
  verdict.guardsIntact = !*broken;
  if (*broken) wrong = **broken;
  auto changed = bench_->changedInput();
  if (!changed) return fail(changed.error());
  if (*changed) {
    if (wrong.empty()) wrong = **changed;
    if (auto ok = bench_->restoreInputs(); !ok) return fail(ok.error());
  }
  auto checksum = bench_->outputsChecksum();
  if (!checksum) return fail(checksum.error());
  auto seen = *checksum ? right_.find(**checksum) : right_.end();
  if (seen != right_.end()) {
    verdict.reference = seen->second.reference;
    verdict.checked = seen->second.checked;
    verdict.worstError = seen->second.worstError;
    verdict.reason = wrong;
    verdict.state = wrong.empty() ? seen->second.state : "failed";
    return verdict;
  }
  for (const ReferenceOutput& output : reference_.outputs) {
    const KernelArgument& argument = bench_->kernel().arguments[output.argument];
    auto compared = compareOutput(output, verdict);
    if (!compared) return fail(compared.error());
    verdict.checked += compared->checked;
    verdict.worstError = std::max(verdict.worstError, compared->worstError);
    if (compared->wrong > 0 && wrong.empty()) wrong = mismatchText(argument, *compared, reference_.source);
  }
  verdict.reason = wrong;
  verdict.state = !wrong.empty() ? "failed" : verdict.checked > 0 ? "passed" : "unchecked";
  if (*checksum && wrong.empty()) right_.emplace(**checksum, verdict);
  return verdict;
}

Measured Measurer::measure(const MeasureRequest& request) {
  auto start = std::chrono::steady_clock::now();
  Measured measured;
  auto end = [&](Outcome outcome) {
    measured.outcome = std::move(outcome);
    measured.seconds = secondsSince(start);
    return measured;
  };
  auto spent = [&, last = start](const char* phase) mutable {
    measured.phases[phase] += secondsSince(last);
    last = std::chrono::steady_clock::now();
  };
  auto grid = gridOf(request);
  if (!grid) return end(outcomeOf(grid.error(), false));
  auto kernel = bench_->device().load(*request.artefact);
  spent("load");
  if (!kernel) return end(outcomeOf(kernel.error(), false));
  std::string wrong;
  auto verdict = verify(**kernel, *grid, wrong);
  spent("verify");
  if (!verdict) return end(outcomeOf(verdict.error(), false));
  measured.verdict = *verdict;
  if (!wrong.empty()) return end(WrongResult{wrong});
  Outcome outcome =
      timeLaunches(bench_->device(), **kernel, *grid, bench_->arguments(), options_, request.best);
  spent("time");
  return end(std::move(outcome));
}

std::vector<Measured> Measurer::duel(std::span<const MeasureRequest> requests) {
  auto start = std::chrono::steady_clock::now();
  std::vector<Finalist> finalists(requests.size());
  Device& device = bench_->device();
  for (size_t i = 0; i < requests.size(); ++i) {
    auto grid = gridOf(requests[i]);
    auto kernel = grid ? device.load(*requests[i].artefact) : fail(grid.error());
    if (!kernel)
      finalists[i].failure = outcomeOf(kernel.error(), false);
    else
      finalists[i].kernel = std::move(*kernel), finalists[i].grid = *grid;
  }
  const double loading = secondsSince(start);
  // Round -1 warms up; one scored round is taken whatever it costs. Each round starts with another finalist,
  // so that none always runs behind the same neighbour.
  double spent = 0;
  for (int round = -1; round < 1 || (round < options_.duelRounds && spent < options_.duelSeconds &&
                                     secondsSince(start) < 2 * options_.duelSeconds);
       ++round)
    for (size_t turn = 0; turn < finalists.size(); ++turn) {
      Finalist& finalist = finalists[(turn + round + 1) % finalists.size()];
      if (finalist.failure) continue;
      auto time = device.time(*finalist.kernel, finalist.grid, bench_->arguments(), {1, options_.coldCache});
      if (!time) {
        finalist.failure = outcomeOf(time.error(), false);
        continue;
      }
      spent += time->front();
      if (round >= 0) finalist.samples.push_back(time->front());
    }
  std::vector<Measured> out;
  for (Finalist& finalist : finalists) {
    Measured measured;
    measured.outcome = finalist.failure ? *finalist.failure : Outcome(summarize(std::move(finalist.samples)));
    measured.seconds = secondsSince(start) / static_cast<double>(std::max<size_t>(1, finalists.size()));
    out.push_back(std::move(measured));
  }
  if (!out.empty()) out.front().phases = {{"load", loading}, {"time", secondsSince(start) - loading}};
  return out;
}

} // namespace tuned
