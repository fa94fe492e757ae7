// How good the analytic first guess is: configurations in its order beside what they took when a whole space
// was tuned.
//   tunectl tune KERNEL --size … --effort full; tunectl ls trials --limit 100000 --json > trials.json
//   tunectl ls devices --json > devices.json
//   bench_guess KERNEL.json --size M=4096,N=4096,K=4096 --trials trials.json --devices devices.json
// prints how far the best of the first 1, 4, … configurations is behind the best of all.
#include "base/clock.h"
#include "base/model/json.h"
#include "daemon/worker/work.h"
#include "tests/bench/bench_problem.h"
#include "tuner/search/model/analytic.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

namespace tuned::bench {
namespace {

struct Options {
  std::string kernel, sizes, trials, devices, device = "cuda:0";
  bool list = false;
};

DeviceInfo deviceOf(const Options& options) {
  const auto list = nlohmann::json::parse(textOf(options.devices));
  for (const auto& one : list.at("devices"))
    if (one.at("id") == options.device)
      if (auto device = model::fromJson<DeviceInfo>(one)) return *device;
  die(options.devices + " has no " + options.device);
}

struct Point {
  Configuration configuration;
  double guess, seconds;
};

int run(const Options& options) {
  const Problem problem = problemOf(options.kernel, options.sizes);
  const auto& [kernel, sizes] = problem;
  const DeviceInfo device = deviceOf(options);
  auto unique = totalBytes(kernel, sizes);
  if (!unique) die(unique.error().text());

  const auto measured = timedIn(options.trials, problem);
  std::vector<Configuration> configurations;
  for (const auto& [configuration, trial] : measured)
    configurations.push_back(configuration);
  const auto start = std::chrono::steady_clock::now();
  auto works = workOf(kernel, configurations, sizes);
  const double counting = secondsSince(start);
  std::vector<Point> points;
  double best = INFINITY;
  for (size_t i = 0; i < works.size(); ++i) {
    const double seconds = *measured.at(configurations[i]).seconds;
    best = std::min(best, seconds);
    auto guess = works[i]
                     ? analyticSeconds(*works[i], configurations[i], static_cast<double>(*unique), device)
                     : std::nullopt;
    points.push_back({configurations[i], guess.value_or(INFINITY), seconds});
  }
  std::ranges::stable_sort(points, {}, &Point::guess);
  std::printf("%s: %zu configurations, best %.4g s; %.1f ms a count\n", kernel.name.c_str(), points.size(),
              best, 1e3 * counting / static_cast<double>(works.size()));
  double found = INFINITY;
  for (size_t i = 0; i < points.size(); ++i) {
    found = std::min(found, points[i].seconds);
    if (((i + 1) & i) == 0 || i + 1 == points.size())
      std::printf("  best of the first %3zu: %6.2f %% behind\n", i + 1, 100 * (found / best - 1));
    if (options.list)
      std::printf("    %.4g guessed, %.4g: %s\n", points[i].guess, points[i].seconds,
                  toString(points[i].configuration).c_str());
  }
  return 0;
}

} // namespace
} // namespace tuned::bench

int main(int argc, char** argv) {
  CLI::App app("the analytic guess beside measurements", "bench_guess");
  tuned::bench::Options options;
  app.add_option("kernel", options.kernel, "the kernel's document")->required();
  app.add_option("--size", options.sizes, "NAME=NUMBER,…")->required();
  app.add_option("--trials", options.trials, "what `tunectl ls trials --json` printed")->required();
  app.add_option("--devices", options.devices, "what `tunectl ls devices --json` printed")->required();
  app.add_option("--device", options.device)->capture_default_str();
  app.add_flag("--list", options.list, "every configuration");
  CLI11_PARSE(app, argc, argv);
  return tuned::bench::run(options);
}
