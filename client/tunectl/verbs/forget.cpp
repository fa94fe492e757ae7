#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace tuned::tunectl {

namespace {
int forget(const Globals& globals, const Problem& problem) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto gone = client->forget({problem.kernel, parseSizes(problem.sizeTexts), problem.device});
  if (!gone) {
    const int code = report(globals, gone.error());
    return gone.error().kind == ErrorKind::NotFound ? miss : code;
  }
  if (globals.json)
    std::cout << protocol::toText(*gone) << '\n';
  else
    std::cout << facts(
        {{"forgotten", std::to_string(gone->measurements) + " measurements, " + std::to_string(gone->builds) +
                           " builds, " + std::to_string(gone->documents) + " documents"}});
  return done;
}
} // namespace

void addForget(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("forget", "drop a winner, a kernel, or what a device measured");
  auto problem = std::make_shared<Problem>();
  addProblemOptions(*verb, *problem);
  verb->get_option("kernel")->required(false)->description(
      "id or name of a kernel that was submitted; alone: the kernel goes, with its documents and builds");
  verb->callback(
      [problem, &context] { context.run = [=, &context] { return forget(context.globals, *problem); }; });
}

} // namespace tuned::tunectl
