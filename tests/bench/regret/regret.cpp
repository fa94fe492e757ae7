// How far winners of tunings on the CPU are behind the best of their space.
//   bench_regret KERNEL.json --size M=1024,N=1024,K=1024 --seconds 20 --keep times.txt
// compiles the whole space, launches every build in turn for so many seconds, and lets tunings search it,
// each by another stretch of these times: the search, the timing and the duel are those of the daemon. A
// winner's regret is its median over the least one, both of all rounds.
//   bench_regret KERNEL.json --size … --from times.txt --duel-rounds 120
// does the same with times that were kept, by another policy.
#include "tests/bench/regret/replayed.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <numeric>

namespace tuned::bench {
namespace {

struct Options {
  std::string kernel, sizes, from, keep;
  double seconds = 20;
  int runs = 100;
  Policy policy;
};

/// Of each code.
std::vector<double> mediansOf(const Recorded& recorded) {
  std::vector<double> out;
  for (const auto& seconds : recorded.seconds)
    out.push_back(summarize(seconds).median);
  return out;
}

/// The fastest, and how much their launches vary.
void printFastest(const Recorded& recorded, const std::vector<double>& medians) {
  std::vector<size_t> order(medians.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t code) { return medians[code]; });
  order.resize(std::min<size_t>(order.size(), 8));
  for (size_t code : order) {
    std::vector<double> sorted = recorded.seconds[code];
    std::ranges::sort(sorted);
    const auto at = [&](double share) {
      return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))] / medians[code];
    };
    const auto named = std::ranges::find(recorded.codes, code, [](const auto& each) { return each.second; });
    std::printf("  %9.1f us, %5.2f %% behind; eight launches of ten take %.3f to %.3f of it: %s\n",
                1e6 * medians[code], 100 * (medians[code] / medians[order[0]] - 1), at(0.1), at(0.9),
                toString(named->first).c_str());
  }
}

void run(const Options& options) {
  Problem problem = problemOf(options.kernel, options.sizes);
  problem.kernel = onTarget(std::move(problem.kernel), "cpu", {}); // its own defaults
  const Recorded recorded = options.from.empty() ? record(problem, options.seconds) : recall(options.from);
  if (!options.keep.empty()) keep(recorded, options.keep);
  const std::vector<double> medians = mediansOf(recorded);
  const double best = std::ranges::min(medians);
  std::printf("%s: %zu configurations, %zu that differ, %zu rounds\n", problem.kernel.name.c_str(),
              recorded.codes.size(), medians.size(), recorded.seconds.front().size());
  printFastest(recorded, medians);
  std::vector<double> regrets;
  double seconds = 0;
  for (int seed = 1; seed <= options.runs; ++seed) {
    const Replayed one = replay(problem, recorded, options.policy, static_cast<uint64_t>(seed));
    regrets.push_back(medians[one.winner] / best - 1);
    seconds += one.seconds / options.runs;
  }
  std::ranges::sort(regrets);
  const auto share =
      static_cast<double>(std::ranges::count_if(regrets, [](double each) { return each <= 0.01; }));
  std::printf(
      "  %d tunings: %.0f %% within 1 %% of the best, 95 of 100 within %.2f %%, worst %.2f %%; launches "
      "take %.2f s a tuning\n",
      options.runs, 100 * share / options.runs,
      100 * regrets[static_cast<size_t>(0.95 * (options.runs - 1) + 0.5)], 100 * regrets.back(), seconds);
}

} // namespace
} // namespace tuned::bench

int main(int argc, char** argv) {
  CLI::App app("the regret of tunings on the CPU", "bench_regret");
  tuned::bench::Options options;
  tuned::DeviceInfo cpu;
  cpu.capabilities.exclusive = true;
  tuned::MeasureOptions& measure = options.policy.measure = tuned::optionsFor(cpu);
  app.add_option("kernel", options.kernel, "the kernel's document")->required();
  app.add_option("--size", options.sizes, "NAME=NUMBER,…")->required();
  app.add_option("--seconds", options.seconds, "of the recording")->capture_default_str();
  app.add_option("--keep", options.keep, "file that the times are written to");
  app.add_option("--from", options.from, "file that they are read from: nothing is launched");
  app.add_option("--runs", options.runs, "tunings")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--finalists", options.policy.finalists)->capture_default_str();
  app.add_option("--duel-rounds", measure.duelRounds)->capture_default_str();
  app.add_option("--duel-seconds", measure.duelSeconds)->capture_default_str();
  app.add_option("--try-seconds", measure.seconds, "timed seconds of each build that is tried")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  tuned::bench::run(options);
  return 0;
}
