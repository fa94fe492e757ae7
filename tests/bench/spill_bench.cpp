// How near the registers that a thread needs by what is live (backend/nvptx/passes/live_registers.h) come to
// what the assembler says, and what those builds cost that `quick` passes over.
//   bench_spills KERNEL.json --size Z=4,H=16,HKV=16,N=4096,D=128 [--target sm_90a] [--most 40] [--list]
// compiles the kernel's configurations by nvptx (a sample of them, the same each time) and prints of those
// that the search would pass over and of the others how many there are, what they spill and how long they
// took.
//   bench_spills … --trials trials.json
// with what `tunectl ls trials --limit 100000 --json` printed on a GPU assembles nothing: it prints, by the
// registers that builds were expected to lack, what they spilt there and how near they came to the best.
#include "base/clock.h"
#include "daemon/worker/variant.h"
#include "tests/bench/bench_problem.h"
#include "tuner/search/space.h"
#include "tuner/search/stragglers.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <random>

namespace tuned::bench {
namespace {

struct Options {
  std::string kernel, sizes, target = "sm_90a", trials;
  size_t most = 40;
  bool list = false;
};

struct Made {
  int64_t estimate = 0, registers = 0, spillBytes = 0;
  double seconds = 0; ///< of compiling
  double behind = 0;  ///< its time over the best one's, where it was timed
};

void summarise(const char* who, const std::vector<Made>& builds) {
  if (builds.empty()) {
    std::printf("  %s: none\n", who);
    return;
  }
  auto [least, most] = std::ranges::minmax(builds, {}, &Made::spillBytes);
  double longest = 0, all = 0;
  for (const Made& each : builds)
    longest = std::max(longest, each.seconds), all += each.seconds;
  std::printf("  %s: %zu builds spill %lld to %lld bytes a thread; %.2f s in the mean, %.2f s at most\n", who,
              builds.size(), static_cast<long long>(least.spillBytes),
              static_cast<long long>(most.spillBytes), all / static_cast<double>(builds.size()), longest);
}

/// What a limit on the registers that a build may lack would cost.
void printLimits(std::vector<Made> builds) {
  constexpr int64_t all = 255, step = 32, last = 320; // registers that a thread can have
  std::ranges::sort(builds, {}, &Made::behind);
  for (int64_t lacking = 0; lacking <= last; lacking += step) {
    std::vector<Made> beyond;
    std::ranges::copy_if(builds, std::back_inserter(beyond),
                         [&](const Made& each) { return each.estimate > all + lacking; });
    if (beyond.empty()) return;
    auto [least, most] = std::ranges::minmax(beyond, {}, &Made::spillBytes);
    std::printf("  lack more than %3lld: %3zu of %zu builds, spilt %lld to %lld bytes, the nearest took %.2f "
                "times the "
                "best, the middle one %.2f\n",
                static_cast<long long>(lacking), beyond.size(), builds.size(),
                static_cast<long long>(least.spillBytes), static_cast<long long>(most.spillBytes),
                beyond.front().behind, beyond[beyond.size() / 2].behind);
  }
}

std::vector<Configuration> sampleOf(const Problem& problem, size_t most) {
  auto space = Space::enumerate(problem.kernel, problem.sizes, {}, {"nvptx"});
  if (!space) die(space.error().text());
  std::vector<Configuration> all = space->configurations();
  std::ranges::shuffle(all, std::mt19937(1));
  all.resize(std::min(all.size(), most));
  return all;
}

/// `assemble`: to the end; else it is known what it needs alone.
Made make(const Problem& problem, const Configuration& configuration, const Options& options, bool assemble) {
  Made made;
  const double start = steadySeconds();
  const auto artefact = compileVariant(problem.kernel, configuration, problem.sizes, options.target,
                                       [&](const Lowered& lowered) {
                                         made.estimate = lowered.registers;
                                         return assemble;
                                       });
  made.seconds = steadySeconds() - start;
  made.registers = artefact ? artefact->resources.registers : 0;
  made.spillBytes = artefact ? artefact->resources.spillBytes : 0;
  if (options.list && made.estimate > 0)
    std::printf("  %5lld registers expected, %3lld and %5lld bytes spilled, %.2f s: %s\n",
                static_cast<long long>(made.estimate), static_cast<long long>(made.registers),
                static_cast<long long>(made.spillBytes), made.seconds, toString(configuration).c_str());
  return made;
}

void compileSample(const Problem& problem, const Options& options) {
  std::vector<Made> passed, others;
  for (const Configuration& configuration : sampleOf(problem, options.most))
    if (const Made made = make(problem, configuration, options, true); made.registers > 0)
      (spillsMuch(made.estimate) ? passed : others).push_back(made);
  std::printf("%s, %zu configurations\n", problem.kernel.name.c_str(), passed.size() + others.size());
  summarise("passed over", passed);
  summarise("compiled", others);
}

void compareTrials(const Problem& problem, const Options& options) {
  const auto timed = timedIn(options.trials, problem);
  const double best = *std::ranges::min_element(timed, {}, [](const auto& each) {
                         return *each.second.seconds;
                       })->second.seconds;
  std::vector<Made> builds;
  for (const auto& [configuration, trial] : timed) {
    Made made = make(problem, configuration, options, false);
    if (made.estimate == 0) continue; // another compiler's, or one that is refused here
    made.spillBytes = trial.resources.spillBytes;
    made.behind = *trial.seconds / best;
    builds.push_back(made);
  }
  std::printf("%s at %s, %zu of %zu that were timed\n", problem.kernel.name.c_str(), options.sizes.c_str(),
              builds.size(), timed.size());
  printLimits(std::move(builds));
}

} // namespace
} // namespace tuned::bench

int main(int argc, char** argv) {
  using namespace tuned::bench;
  CLI::App app("registers expected beside registers and spills", "bench_spills");
  Options options;
  app.add_option("kernel", options.kernel, "the kernel's document")->required();
  app.add_option("--size", options.sizes, "NAME=NUMBER,…")->required();
  app.add_option("--target", options.target)->capture_default_str();
  app.add_option("--most", options.most, "configurations")->capture_default_str();
  app.add_flag("--list", options.list, "every configuration");
  app.add_option("--trials", options.trials, "what `tunectl ls trials --limit 100000 --json` printed");
  CLI11_PARSE(app, argc, argv);
  const Problem problem = problemOf(options.kernel, options.sizes);
  if (options.trials.empty())
    compileSample(problem, options);
  else
    compareTrials(problem, options);
  return 0;
}
