#include "base/positive_option.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

namespace tuned::tunectl {

namespace {
struct Options {
  Problem problem;
  std::string objective;
  double wait = 0;
  bool tune = false;
  std::string output;
};

Result<void> saveArtefact(client::Client& client, const protocol::Answer& answer, const std::string& path) {
  const auto bytes = client.artefact(answer.artefact);
  if (!bytes) return fail(bytes.error());
  std::ofstream out(path, std::ios::binary);
  if (!(out << *bytes) || !out.flush()) return fail(ErrorKind::Unavailable, "cannot write " + path);
  return {};
}

int query(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto kernel = kernelId(*client, options.problem.kernel);
  if (!kernel) {
    const int code = report(globals, kernel.error());
    return kernel.error().kind == ErrorKind::NotFound ? miss : code;
  }
  protocol::BestRequest request;
  request.kernel = *kernel;
  request.sizes = parseSizes(options.problem.sizeTexts);
  request.device = options.problem.device;
  request.objective = parseObjective(options.objective);
  request.wait = options.wait;
  request.tune = options.tune || options.wait > 0;
  const auto answer = client->ask(request);
  if (!answer) return report(globals, answer.error());
  if (!options.output.empty())
    if (auto saved = saveArtefact(*client, *answer, options.output); !saved)
      return report(globals, saved.error());
  if (globals.json) {
    std::cout << protocol::toText(*answer) << '\n';
  } else {
    std::cout << facts(answerFacts(*answer, ""));
  }
  return answer->source == "cache" ? done : miss;
}
} // namespace

void addQuery(CLI::App& app, Context& context) {
  auto* verb =
      app.add_subcommand("query", "the best configuration that is known; exits 3 when it is no winner");
  auto options = std::make_shared<Options>();
  addProblemOptions(*verb, options->problem);
  addObjectiveOption(*verb, options->objective);
  verb->add_option("--wait", options->wait, "tune on a miss and wait for it this many seconds")
      ->check(nonNegativeNumber());
  verb->add_flag("--tune", options->tune, "on a miss start a tuning behind");
  verb->add_option("-o,--output", options->output, "write the artefact to this file");
  verb->callback(
      [options, &context] { context.run = [=, &context] { return query(context.globals, *options); }; });
}

} // namespace tuned::tunectl
