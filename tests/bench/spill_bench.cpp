// How near the registers that a thread needs by what is live (backend/nvptx/passes/live_registers.h) come to
// what the assembler says, and what those builds cost that `quick` passes over.
//   bench_spills KERNEL.json --size Z=4,H=16,HKV=16,N=4096,D=128 [--target sm_90a] [--most 40] [--list]
// compiles the kernel's configurations by nvptx (a sample of them, the same each time) and prints of those
// that the search would pass over and of the others how many there are, what they spill and how long they
// took.
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

struct Made {
  int64_t estimate = 0, registers = 0, spillBytes = 0;
  double seconds = 0;
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

int run(const Problem& problem, const std::string& target, size_t most, bool list) {
  const auto& [kernel, sizes] = problem;
  auto space = Space::enumerate(kernel, sizes, {}, {"nvptx"});
  if (!space) die(space.error().text());
  std::vector<size_t> positions(space->size());
  for (size_t i = 0; i < positions.size(); ++i)
    positions[i] = i;
  std::ranges::shuffle(positions, std::mt19937(1));
  positions.resize(std::min(positions.size(), most));
  std::vector<Made> passed, others;
  for (const size_t position : positions) {
    const Configuration configuration = space->configuration(position);
    Made made;
    const double start = steadySeconds();
    const auto artefact = compileVariant(kernel, configuration, sizes, target, [&](const Lowered& lowered) {
      made.estimate = lowered.registers;
      return true;
    });
    if (!artefact) continue;
    made.seconds = steadySeconds() - start;
    made.registers = artefact->resources.registers;
    made.spillBytes = artefact->resources.spillBytes;
    (spillsMuch(made.estimate) ? passed : others).push_back(made);
    if (list)
      std::printf("  %5lld registers expected, %3lld and %5lld bytes spilled, %.2f s: %s\n",
                  static_cast<long long>(made.estimate), static_cast<long long>(made.registers),
                  static_cast<long long>(made.spillBytes), made.seconds, toString(configuration).c_str());
  }
  std::printf("%s, %zu of %zu configurations\n", kernel.name.c_str(), passed.size() + others.size(),
              space->size());
  summarise("passed over", passed);
  summarise("compiled", others);
  return 0;
}

} // namespace
} // namespace tuned::bench

int main(int argc, char** argv) {
  CLI::App app("registers expected beside registers and spills", "bench_spills");
  std::string kernel, sizes, target = "sm_90a";
  size_t most = 40;
  bool list = false;
  app.add_option("kernel", kernel, "the kernel's document")->required();
  app.add_option("--size", sizes, "NAME=NUMBER,…")->required();
  app.add_option("--target", target)->capture_default_str();
  app.add_option("--most", most, "configurations")->capture_default_str();
  app.add_flag("--list", list, "every configuration");
  CLI11_PARSE(app, argc, argv);
  return tuned::bench::run(tuned::bench::problemOf(kernel, sizes), target, most, list);
}
