#include "client/client.h"
#include "client/endpoint.h"
#include "client/tunectl/detach.h"
#include "client/tunectl/verbs.h"
#include "client/tunectl/verbs/hand_over.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
/// The daemon gives up a driver that hangs after a minute, and is ready then.
constexpr double readySeconds = 90;

/// Takes a flag out of the arguments that are the daemon's; whether it was there.
bool takeFlag(std::vector<std::string>& arguments, const std::string& flag) {
  return std::erase(arguments, flag) > 0;
}

/// The socket that the daemon's own options name last, or "".
std::string socketAmong(const std::vector<std::string>& arguments) {
  std::string socket;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("--socket=")) socket = arguments[i].substr(9);
    if (arguments[i] == "--socket" && i + 1 < arguments.size()) socket = arguments[i + 1];
  }
  return socket;
}

/// What a daemon that serves already says of itself, or nothing. It is asked where the command line (before
/// or behind the verb) or the environment put the socket; a configuration file may name another place, and
/// then the new daemon finds out.
std::optional<std::string> alreadyServing(const std::vector<std::string>& command) {
  auto client = client::Client::connect({client::socketPath(socketAmong(command)), 2});
  auto status = client ? client->status() : fail(client.error());
  if (!status) return std::nullopt;
  return "serves already on " + status->socket + " (process " + std::to_string(status->pid) + ")";
}

int detach(const Globals& globals, const std::vector<std::string>& command, const std::string& log) {
  if (const auto serving = alreadyServing(command)) {
    if (globals.json)
      std::cout << nlohmann::json({{"said", *serving}}).dump() << '\n';
    else
      std::cout << *serving << '\n';
    return done;
  }
  const auto daemon = startDetached(command, log, readySeconds);
  if (!daemon) return report(globals, daemon.error());
  if (!daemon->ready) {
    std::cerr << daemon->said;
    return daemon->exitCode == 0 ? failed : daemon->exitCode;
  }
  if (globals.json) {
    std::cout << nlohmann::json({{"process", daemon->process}, {"said", daemon->said}, {"log", log}}).dump()
              << '\n';
  } else {
    std::cout << daemon->said << " (process " << daemon->process << ", log " << log << ")\n";
  }
  return done;
}

int serve(Globals globals, std::vector<std::string> arguments) {
  const bool behind = takeFlag(arguments, "--detach");
  std::string log = behind ? takeOption(arguments, "--log") : "";
  if (behind) globals.json = takeFlag(arguments, "--json") || globals.json;
  arguments.insert(arguments.begin(), client::programFolder() + "/tuned");
  if (!globals.socket.empty()) arguments.insert(arguments.end(), {"--socket", globals.socket});
  return behind ? detach(globals, arguments, log.empty() ? defaultLog() : log) : become(globals, arguments);
}
} // namespace

void addServe(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand(
      "serve", "run the daemon in the foreground; with --detach [--log FILE] behind, and return once it is "
               "ready; other options are tuned's");
  verb->prefix_command();
  verb->fallthrough(false); // an option that is not tunectl's is the daemon's to judge
  verb->set_help_flag();
  verb->callback([verb, &context] {
    context.run = [&context, arguments = verb->remaining()] { return serve(context.globals, arguments); };
  });
}

} // namespace tuned::tunectl
