#include "base/positive_option.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace tuned::tunectl {

namespace {
struct Options {
  std::string what = "winners", kernel, device, job;
  int64_t limit = 0;
};

std::string shortId(const std::string& id) {
  return id.substr(0, 12);
}

std::vector<Row> rowsOf(const protocol::WinnerList& list) {
  std::vector<Row> rows = {
      {"kernel", "sizes", "device", "configuration", "time", "throughput", "gain", "covered", "verdict"}};
  for (const auto& winner : list.winners)
    rows.push_back({winner.kernelName, formatValues(winner.sizes), winner.device,
                    formatValues(winner.configuration), formatSeconds(winner.seconds), formatRates(winner),
                    formatGain(winner.gain), std::to_string(int(100 * winner.coverage + 0.5)) + " %",
                    winner.verdict.state + (winner.stale ? ", stale" : "")});
  return rows;
}

std::vector<Row> rowsOf(const protocol::KernelList& list) {
  std::vector<Row> rows = {{"id", "name", "language", "sizes", "configurations", "default"}};
  for (const auto& kernel : list.kernels) {
    std::string sizes;
    for (const std::string& size : kernel.sizes)
      sizes += (sizes.empty() ? "" : " ") + size;
    rows.push_back({shortId(kernel.id), kernel.name, kernel.language, sizes,
                    std::to_string(kernel.configurations), formatValues(kernel.defaults)});
  }
  return rows;
}

std::vector<Row> rowsOf(const protocol::TrialList& list) {
  std::vector<Row> rows = {
      {"measured", "kernel", "sizes", "device", "configuration", "outcome", "time", "reason"}};
  for (const auto& trial : list.trials)
    rows.push_back({formatTime(trial.measuredAt), shortId(trial.kernel), formatValues(trial.sizes),
                    trial.device, formatValues(trial.configuration), trial.outcome,
                    formatSeconds(trial.seconds), trial.reason.substr(0, trial.reason.find('\n'))});
  return rows;
}

std::vector<Row> rowsOf(const protocol::JobList& list) {
  std::vector<Row> rows = {{"job", "kernel", "sizes", "device", "state", "tried", "best"}};
  for (const auto& job : list.jobs)
    rows.push_back({job.id, job.kernelName, formatValues(job.sizes), job.device, job.state,
                    std::to_string(job.tried) + "/" + std::to_string(job.configurations),
                    job.best ? formatSeconds(job.best->seconds) : "-"});
  return rows;
}

std::vector<Row> rowsOf(const protocol::DeviceList& list) {
  std::vector<Row> rows = {{"device", "name", "architecture", "units", "memory", "driver", "state"}};
  for (const auto& device : list.devices)
    rows.push_back({device.id, device.name, device.architecture, std::to_string(device.multiprocessors),
                    formatBytes(device.memoryBytes), device.driver,
                    !device.available    ? "not available: " + device.reason
                    : device.job.empty() ? "idle"
                                         : "job " + device.job});
  return rows;
}

template <typename List> int print(const Globals& globals, const Result<List>& list) {
  if (!list) return report(globals, list.error());
  std::cout << (globals.json ? protocol::toText(*list) + "\n" : table(rowsOf(*list)));
  if constexpr (requires { list->next; })
    if (!globals.json && !list->next.empty())
      std::cerr << "there are more: --limit says how many are listed\n";
  return done;
}

int ls(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  if (options.what == "kernels") return print(globals, client->kernels());
  if (options.what == "jobs") return print(globals, client->jobs());
  if (options.what == "devices") return print(globals, client->devices());
  if (options.what == "trials")
    return print(globals, client->trials(options.kernel, options.device, options.job, options.limit));
  return print(globals, client->winners(options.kernel, options.device));
}

int showKernel(client::Client& client, const Globals& globals, const protocol::KernelInfo& kernel) {
  if (globals.json) {
    std::cout << protocol::toText(kernel) << '\n';
    return done;
  }
  std::vector<Row> rows = {{"kernel", kernel.name}, {"id", kernel.id}, {"entry", kernel.entry}};
  std::string sizes;
  for (const std::string& size : kernel.sizes)
    sizes += (sizes.empty() ? "" : " ") + size;
  rows.push_back({"sizes", sizes});
  for (const auto& [name, values] : kernel.parameters) {
    std::string text;
    for (const int64_t value : values)
      text += (text.empty() ? "" : " ") + std::to_string(value);
    rows.push_back({"parameter " + name, text});
  }
  rows.push_back({"configurations", std::to_string(kernel.configurations)});
  rows.push_back({"default", formatValues(kernel.defaults)});
  for (const auto& [target, values] : kernel.targetDefaults)
    rows.push_back({"default on " + target, formatValues(values)});
  std::cout << facts(rows) << '\n';
  return print(globals, client.winners(kernel.id, ""));
}

/// A kernel by id or name, else a job by id.
int show(const Globals& globals, const std::string& id) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto kernel = client->kernel(id);
  if (kernel) return showKernel(*client, globals, *kernel);
  if (kernel.error().kind != ErrorKind::NotFound) return report(globals, kernel.error());
  const auto list = client->jobs();
  if (!list) return report(globals, list.error());
  for (const auto& job : list->jobs) {
    if (job.id != id) continue;
    std::cout << (globals.json ? protocol::toText(job) + "\n" : table(rowsOf(protocol::JobList{{job}, ""})));
    if (!globals.json && job.answer) std::cout << '\n' << facts(answerFacts(*job.answer, ""));
    if (!globals.json && job.error) std::cout << '\n' << job.error->text() << '\n';
    return done;
  }
  return report(globals, {ErrorKind::NotFound, "no kernel and no job \"" + id + "\"", std::nullopt,
                          "`tunectl ls kernels` and `tunectl ls jobs` list them"});
}
} // namespace

void addLs(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("ls", "list winners, kernels, trials, jobs or devices");
  auto options = std::make_shared<Options>();
  verb->add_option("what", options->what, "winners, kernels, trials, jobs or devices")
      ->check(CLI::IsMember(listNames))
      ->capture_default_str();
  verb->add_option("-k,--kernel", options->kernel, "only this kernel (id or name)");
  verb->add_option("-d,--device", options->device, "only this device");
  verb->add_option("--job", options->job, "only the trials of this job");
  verb->add_option("--limit", options->limit, "at most so many trials")->check(positiveNumber());
  verb->callback(
      [options, &context] { context.run = [=, &context] { return ls(context.globals, *options); }; });
}

void addShow(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("show", "a kernel with its winners, a job, or a bundle");
  auto id = std::make_shared<std::string>();
  verb->add_option("id", *id, "a kernel's id or name, a job's id, or a bundle's file")->required();
  verb->callback([id, &context] {
    context.run = [=, &context] {
      return isBundle(*id) ? showBundle(context.globals, *id) : show(context.globals, *id);
    };
  });
}

} // namespace tuned::tunectl
