#include "base/clock.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned::tunectl {

namespace {
struct Options {
  Problem problem;
  int repeats = 2000;
};

double quantile(std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

/// Seconds of each round trip of a hit, sorted.
Result<std::vector<double>> roundTrips(client::Client& client, const protocol::BestRequest& request,
                                       int repeats) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = client.ask(request);
    if (!answer) return fail(answer.error());
    times.push_back(secondsSince(start));
  }
  std::ranges::sort(times);
  return times;
}

/// Seconds of one hit in the client's memory, over many.
Result<double> memoryHit(client::Client& client, const protocol::BestRequest& request) {
  constexpr int hits = 200'000;
  if (auto first = client.best(request.kernel, request.sizes, request.device); !first)
    return fail(first.error());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < hits; ++i)
    if (!client.best(request.kernel, request.sizes, request.device)) break;
  return secondsSince(start) / hits;
}

Result<protocol::JobStatus> timeAgain(client::Client& client, const protocol::Answer& winner) {
  protocol::TuneRequest request;
  request.kernel = winner.kernel;
  request.sizes = winner.sizes;
  request.device = winner.device;
  request.force = true;
  request.only = {winner.configuration};
  return client.tune(request);
}

int bench(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto kernel = kernelId(*client, options.problem.kernel);
  if (!kernel) return report(globals, kernel.error());
  protocol::BestRequest request;
  request.kernel = *kernel;
  request.sizes = parseSizes(options.problem.sizeTexts);
  request.device = options.problem.device;
  request.tune = false;
  const auto winner = client->ask(request);
  if (!winner) return report(globals, winner.error());
  if (winner->source != "cache") {
    report(globals,
           {ErrorKind::NotFound, "this problem was not tuned yet", std::nullopt, "`tunectl tune` does it"});
    return miss;
  }
  auto trips = roundTrips(*client, request, options.repeats);
  if (!trips) return report(globals, trips.error());
  const auto hit = memoryHit(*client, request);
  if (!hit) return report(globals, hit.error());
  const auto again = timeAgain(*client, *winner);
  if (!again) return report(globals, again.error());
  const std::optional<double> seconds = again->best ? again->best->seconds : std::nullopt;
  if (globals.json) {
    nlohmann::json out = {{"round_trip_p50", quantile(*trips, 0.5)},
                          {"round_trip_p95", quantile(*trips, 0.95)},
                          {"memory_hit", *hit},
                          {"recorded_seconds", winner->seconds.value_or(0)}};
    if (seconds) out["measured_seconds"] = *seconds;
    std::cout << out.dump() << '\n';
  } else {
    std::cout << facts(
        {{"hit, round trip to the daemon", formatSeconds(quantile(*trips, 0.5)) + " median, " +
                                               formatSeconds(quantile(*trips, 0.95)) + " 95th percentile"},
         {"hit, in the client's memory", formatSeconds(*hit)},
         {"winner, as recorded", formatSeconds(winner->seconds)},
         {"winner, timed again", formatSeconds(seconds)}});
  }
  return seconds ? done : failed;
}
} // namespace

void addBench(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("bench", "time a hit's round trip, and a winner again");
  auto options = std::make_shared<Options>();
  addProblemOptions(*verb, options->problem);
  verb->add_option("--repeats", options->repeats, "round trips to time")
      ->check(CLI::Range(10, 1000000))
      ->capture_default_str();
  verb->callback(
      [options, &context] { context.run = [=, &context] { return bench(context.globals, *options); }; });
}

} // namespace tuned::tunectl
