#include "base/positive_option.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/progress.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace tuned::tunectl {

namespace {
struct Options {
  Problem problem;
  std::string objective;
  protocol::TuneRequest request;
  bool background = false;
};

std::string deviceName(client::Client& client, const std::string& id) {
  if (const auto list = client.devices())
    for (const auto& device : list->devices)
      if (device.id == id) return device.name;
  return {};
}

int printJob(client::Client& client, const Globals& globals, const protocol::JobStatus& job) {
  if (globals.json) {
    std::cout << protocol::toText(job) << '\n';
  } else {
    std::vector<Row> rows;
    if (job.answer) {
      rows = answerFacts(*job.answer, deviceName(client, job.device));
    } else {
      rows = {{"kernel", job.kernelName.empty() ? job.kernel : job.kernelName},
              {"sizes", formatValues(job.sizes)},
              {"device", job.device}};
    }
    const std::string tried = std::to_string(job.tried) + " of " + std::to_string(job.configurations) + ": " +
                              formatOutcomes(job.outcomes);
    rows.insert(rows.begin() + 3, {"configurations", tried});
    rows.insert(rows.begin() + 4, {"tuning", "job " + job.id + " " + job.state +
                                                 (job.stopped.empty() ? "" : ", " + job.stopped) + " (" +
                                                 formatSeconds(job.elapsedSeconds) + ")"});
    if (!job.phaseSeconds.empty())
      rows.insert(rows.begin() + 5, {"it spent", formatPhases(job.phaseSeconds)});
    std::cout << facts(rows);
  }
  if (job.error) return report(globals, *job.error);
  return job.state == "failed" || job.state == "cancelled" ? failed : done;
}

int follow(client::Client& client, const Globals& globals, const std::string& id) {
  Result<protocol::JobStatus> job;
  {
    ProgressDisplay display;
    job = client.watch(id, [&](const protocol::Event& event) {
      display.show(event);
      return true;
    });
  }
  if (!job) return report(globals, job.error());
  return printJob(client, globals, *job);
}

int tune(const Globals& globals, Options options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto kernel = kernelId(*client, options.problem.kernel);
  if (!kernel) return report(globals, kernel.error());
  options.request.kernel = *kernel;
  options.request.sizes = parseSizes(options.problem.sizeTexts);
  options.request.device = options.problem.device;
  options.request.objective = parseObjective(options.objective);
  const auto job = client->start(options.request);
  if (!job) return report(globals, job.error());
  return options.background ? printJob(*client, globals, *job) : follow(*client, globals, job->id);
}

/// Without an id the first tuning that is not over.
int watch(const Globals& globals, std::string id) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  if (id.empty()) {
    const auto list = client->jobs();
    if (!list) return report(globals, list.error());
    for (const auto& job : list->jobs)
      if (job.state == "running" || (job.state == "queued" && id.empty())) id = job.id;
    if (id.empty()) return report(globals, {ErrorKind::NotFound, "no tuning is under way", std::nullopt, {}});
  }
  return follow(*client, globals, id);
}
} // namespace

void addTune(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("tune", "find the fastest configuration of a kernel");
  auto options = std::make_shared<Options>();
  addProblemOptions(*verb, options->problem);
  addObjectiveOption(*verb, options->objective);
  auto& request = options->request;
  verb->add_option(
      "--strategy", request.strategy,
      "exhaustive, random, local, evolutionary, surrogate or portfolio; else what the effort asks for");
  verb->add_option(
          "--effort", request.effort,
          "quick, normal or full: when the search stops by itself, and how large a space is tried as a whole")
      ->check(CLI::IsMember({"quick", "normal", "full"}));
  verb->add_option("--seed", request.seed,
                   "of strategies that draw; equal seeds and times make equal searches");
  verb->add_option("--budget", request.budget.seconds, "seconds to search; 0 is no limit")
      ->check(nonNegativeNumber());
  verb->add_option("--trials", request.budget.trials, "configurations to try; 0 is no limit")
      ->check(nonNegativeNumber());
  verb->add_flag("--force", request.force, "measure again what was measured before, failures too");
  verb->add_flag("--background", options->background, "start, print the job and do not wait");
  verb->callback(
      [options, &context] { context.run = [=, &context] { return tune(context.globals, *options); }; });
}

void addWatch(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("watch", "follow a tuning until it is done");
  auto id = std::make_shared<std::string>();
  verb->add_option("job", *id, "the job's id; the running one when left out");
  verb->callback([id, &context] { context.run = [=, &context] { return watch(context.globals, *id); }; });
}

} // namespace tuned::tunectl
