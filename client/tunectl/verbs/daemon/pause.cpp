#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace tuned::tunectl {

namespace {
int setPaused(const Globals& globals, bool paused) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto state = client->pause(paused);
  if (!state) return report(globals, state.error());
  if (globals.json)
    std::cout << protocol::toText(*state) << '\n';
  else
    std::cout << facts({{"tunings", formatTunings(*state)}});
  return done;
}
} // namespace

void addPause(CLI::App& app, Context& context) {
  app.add_subcommand("pause", "let devices alone: tunings wait, what is known is answered")
      ->callback([&context] { context.run = [&context] { return setPaused(context.globals, true); }; });
  app.add_subcommand("resume", "let tunings go on")->callback([&context] {
    context.run = [&context] { return setPaused(context.globals, false); };
  });
}

} // namespace tuned::tunectl
