#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned::tunectl {

namespace {
int status(const Globals& globals) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto state = client->status();
  if (!state) return report(globals, state.error());
  if (globals.json) {
    std::cout << protocol::toText(*state) << '\n';
    return done;
  }
  std::vector<Row> rows = {
      {"daemon", "tuned " + state->version + ", process " + std::to_string(state->pid)},
      {"up", formatSeconds(state->uptimeSeconds)},
      {"socket", client->socket()},
      {"cache", state->cache + " (" + formatBytes(state->cacheBytes) + ")"},
      {"kept", std::to_string(state->kernels) + " kernels, " + std::to_string(state->trials) + " trials, " +
                   std::to_string(state->winners) + " winners, " + std::to_string(state->artefacts) +
                   " artefacts"},
      {"tunings", formatTunings(*state)},
      {"ready", state->ready ? "yes" : "no"},
  };
  for (const auto& device : state->devices)
    rows.push_back({"device " + device.id, device.name +
                                               (device.available ? "" : ", not available: " + device.reason) +
                                               (device.job.empty() ? "" : ", running job " + device.job)});
  for (const std::string& problem : state->problems)
    rows.push_back({"problem", problem});
  std::cout << facts(rows);
  return done;
}

/// Versions of this program and, if one answers, of the daemon.
int version(const Globals& globals) {
  nlohmann::json out = {{"tunectl", TUNED_VERSION}};
  if (auto client = client::Client::connect({globals.socket, 2}))
    if (const auto state = client->status()) out["tuned"] = state->version;
  if (globals.json) {
    std::cout << out.dump() << '\n';
  } else {
    for (const auto& [program, number] : out.items())
      std::cout << program << ' ' << number.get<std::string>() << '\n';
  }
  return done;
}
} // namespace

void addStatus(CLI::App& app, Context& context) {
  app.add_subcommand("status", "what the daemon is doing")->callback([&context] {
    context.run = [&context] { return status(context.globals); };
  });
}

void addVersion(CLI::App& app, Context& context) {
  app.add_subcommand("version", "versions of tunectl and of the daemon")->callback([&context] {
    context.run = [&context] { return version(context.globals); };
  });
}

} // namespace tuned::tunectl
