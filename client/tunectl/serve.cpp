#include "client/endpoint.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
/// Becomes the daemon; returns only when that fails.
int serve(const Globals& globals, std::vector<std::string> arguments) {
  const std::string daemon = client::programFolder() + "/tuned";
  arguments.insert(arguments.begin(), daemon);
  if (!globals.socket.empty()) arguments.insert(arguments.end(), {"--socket", globals.socket});
  std::vector<char*> pointers;
  for (std::string& argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::execv(daemon.c_str(), pointers.data());
  return report(globals, {ErrorKind::NotFound, "cannot start " + daemon + ": " + std::strerror(errno),
                          std::nullopt, "tuned has to lie beside tunectl"});
}
} // namespace

void addServe(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("serve", "run the daemon in the foreground; options are tuned's");
  verb->prefix_command();
  verb->fallthrough(false); // an option that is not tunectl's is the daemon's to judge
  verb->set_help_flag();
  verb->callback([verb, &context] {
    context.run = [&context, arguments = verb->remaining()] { return serve(context.globals, arguments); };
  });
}

} // namespace tuned::tunectl
