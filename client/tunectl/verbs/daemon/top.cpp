#include "base/positive_option.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
struct Options {
  double interval = 2;
  int64_t times = 0; ///< 0: until it is interrupted
};

std::string orDash(const std::optional<int64_t>& value, const char* unit) {
  return value ? std::to_string(*value) + unit : "-";
}

std::vector<Row> rowsOf(const std::vector<protocol::DeviceStatus>& devices) {
  std::vector<Row> rows = {{"device", "name", "doing", "clock", "temperature", "power", "others", "slowed"}};
  for (const auto& device : devices) {
    const DeviceState state = device.state.value_or(DeviceState());
    std::string slowed;
    for (const std::string& why : state.slowed)
      slowed += (slowed.empty() ? "" : ", ") + why;
    rows.push_back({device.id, device.name,
                    !device.available    ? "out: " + device.reason
                    : device.job.empty() ? "idle"
                                         : "job " + device.job,
                    orDash(state.clockMegahertz, " MHz"), orDash(state.celsius, " C"),
                    orDash(state.watts ? std::optional<int64_t>(*state.watts) : std::nullopt, " W"),
                    orDash(state.othersPercent, " %"), slowed.empty() ? "-" : slowed});
  }
  return rows;
}

std::vector<Row> rowsOf(const protocol::JobList& list) {
  std::vector<Row> rows = {{"job", "kernel", "sizes", "device", "state", "tried", "best", "for"}};
  for (const auto& job : list.jobs)
    if (job.state == "running" || job.state == "queued")
      rows.push_back({job.id, job.kernelName, formatValues(job.sizes), job.device,
                      job.phase.empty() ? job.state : job.phase,
                      std::to_string(job.tried) + "/" + std::to_string(job.configurations),
                      job.best ? formatSeconds(job.best->seconds) : "-", formatSeconds(job.elapsedSeconds)});
  return rows;
}

std::string screen(const protocol::ServiceStatus& state, const protocol::JobList& jobs) {
  std::string out =
      facts({{"tuned " + state.version, state.ready ? "ready" : "not ready"},
             {"tunings", formatTunings(state)},
             {"kept", std::to_string(state.winners) + " winners, " + std::to_string(state.builds) +
                          " builds, " + formatBytes(state.cacheBytes)}});
  for (const std::string& problem : state.problems)
    out += facts({{"problem", problem}});
  out += "\n" + table(rowsOf(state.devices));
  if (auto rows = rowsOf(jobs); rows.size() > 1) out += "\n" + table(rows);
  return out;
}

int top(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const bool terminal = ::isatty(STDOUT_FILENO) == 1 && !globals.json;
  for (int64_t shown = 0;;) {
    const auto state = client->status();
    if (!state) return report(globals, state.error());
    const auto jobs = client->jobs();
    if (!jobs) return report(globals, jobs.error());
    if (globals.json)
      std::cout
          << nlohmann::json{{"status", protocol::toJson(*state)}, {"jobs", protocol::toJson(*jobs)}}.dump()
          << std::endl;
    else
      std::cout << (terminal ? "\x1b[H\x1b[J" : "") << screen(*state, *jobs) << std::flush;
    if (++shown == options.times) return done;
    std::this_thread::sleep_for(std::chrono::duration<double>(options.interval));
    if (!terminal && !globals.json) std::cout << '\n';
  }
}
} // namespace

void addTop(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("top", "devices and tunings, again and again");
  auto options = std::make_shared<Options>();
  verb->add_option("--interval", options->interval, "seconds between looks")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  verb->add_option("--times", options->times, "end after so many looks")->check(positiveNumber());
  verb->callback(
      [options, &context] { context.run = [=, &context] { return top(context.globals, *options); }; });
}

} // namespace tuned::tunectl
