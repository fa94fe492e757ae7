// Verbs that work on a cache or a bundle: tunectl becomes tuned-offline, which holds the store. `prewarm`
// with a daemon tunes what that program says a manifest stands for.
#include "base/clock.h"
#include "client/endpoint.h"
#include "client/protocol/problem.h"
#include "client/tunectl/output.h"
#include "client/tunectl/process.h"
#include "client/tunectl/verbs.h"
#include "client/tunectl/verbs/caches/bundles.h"
#include "client/tunectl/verbs/hand_over.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

namespace tuned::tunectl {

namespace {
using nlohmann::json;

constexpr double planSeconds = 120;

std::vector<std::string> offlineCommand(const Globals& globals, const std::string& verb,
                                        const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {client::programFolder() + "/tuned-offline", verb};
  command.insert(command.end(), arguments.begin(), arguments.end());
  if (globals.json) command.emplace_back("--json");
  if (verb == "prewarm" || verb == "plan")
    for (const std::string& folder : client::kernelFolders())
      command.insert(command.end(), {"--kernels", folder});
  return command;
}

bool says(const std::vector<std::string>& arguments, const std::string& option) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    return argument == option || argument.starts_with(option + "=");
  });
}

/// What a manifest stands for: kernels' documents and sizes.
Result<json> planOf(const Globals& globals, const std::vector<std::string>& arguments) {
  Globals asJson = globals;
  asJson.json = true;
  auto plan = runProgram(offlineCommand(asJson, "plan", arguments), planSeconds);
  if (!plan) return fail(plan.error());
  if (plan->exitCode != 0) return fail(protocol::errorFromProblem(plan->errors, 0));
  json out = json::parse(plan->output, nullptr, false);
  if (!out.is_object()) return fail(ErrorKind::Internal, "tuned-offline gave no plan");
  return out;
}

class Prewarming {
public:
  Prewarming(const Globals& globals, std::string device, double budget, bool built)
      : globals_(globals), device_(std::move(device)), budget_(budget), built_(built) {}

  int run(const std::vector<std::string>& arguments) {
    auto plan = planOf(globals_, arguments);
    if (!plan) return report(globals_, plan.error());
    auto client = connect(globals_);
    if (!client) return report(globals_, client.error());
    const json& problems = (*plan)["problems"];
    size_t number = 0;
    for (const json& problem : problems) {
      if (left() <= 0) break;
      auto tuned = tune(*client, problem);
      ++number;
      std::cerr << "prewarm: " << number << "/" << problems.size() << " " << problem.value("name", "") << " "
                << problem["sizes"].dump() << ": " << tuned << "\n";
    }
    return summary(*plan, problems.size(), number);
  }

private:
  double left() const {
    if (budget_ <= 0) return 1e9;
    return budget_ - secondsSince(start_);
  }

  std::string tune(client::Client& client, const json& problem) {
    const std::string path = problem.value("kernel", "");
    auto id = ids_.find(path);
    if (id == ids_.end()) {
      auto submitted = kernelId(client, path);
      if (!submitted) return failedWith(problem, submitted.error().text());
      id = ids_.emplace(path, *submitted).first;
    }
    protocol::TuneRequest request;
    request.kernel = id->second;
    for (const auto& [name, value] : problem["sizes"].items())
      request.sizes[name] = value;
    request.device = device_;
    request.built = built_;
    if (budget_ > 0) request.budget.seconds = std::max(1.0, left());
    auto job = client.tune(request);
    if (!job) return failedWith(problem, job.error().text());
    if (job->error) return failedWith(problem, job->error->text());
    ++tuned_;
    return job->state;
  }

  std::string failedWith(const json& problem, const std::string& why) {
    failures_.push_back(
        {{"kernel", problem.value("name", "")}, {"sizes", problem["sizes"]}, {"reason", why}});
    return why;
  }

  int summary(const json& plan, size_t problems, size_t tried) const {
    json out = {{"manifest", plan.value("name", "")},
                {"problems", problems},
                {"tuned", tuned_},
                {"failures", failures_},
                {"complete", tried == problems}};
    if (globals_.json)
      std::cout << out.dump(2) << "\n";
    else
      std::cout << plan.value("name", "") << ": " << tuned_ << " of " << problems << " problems tuned, "
                << failures_.size() << " failed\n";
    if (!failures_.empty()) return failed;
    return tried == problems ? done : budgetEnded;
  }

  const Globals& globals_;
  const std::string device_;
  const double budget_;
  const bool built_; ///< only what is built
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::map<std::string, std::string> ids_; ///< by the document's path
  int tuned_ = 0;
  json failures_ = json::array();
};

int prewarm(const Globals& globals, std::vector<std::string> arguments) {
  if (says(arguments, "--cache") || says(arguments, "--compile-only") || says(arguments, "--help") ||
      arguments.empty())
    return become(globals, offlineCommand(globals, "prewarm", arguments));
  const bool built = std::erase(arguments, "--built") > 0;
  const std::string device = takeOption(arguments, "--device"), budget = takeOption(arguments, "--budget");
  return Prewarming(globals, device, budget.empty() ? 0 : std::strtod(budget.c_str(), nullptr), built)
      .run(arguments);
}

void addPassed(CLI::App& app, Context& context, const std::string& name, const std::string& about) {
  auto* verb = app.add_subcommand(name, about);
  verb->prefix_command();
  verb->fallthrough(false); // options are tuned-offline's to judge
  verb->set_help_flag();
  verb->callback([verb, name, &context] {
    context.run = [&context, name, arguments = verb->remaining()] {
      Globals globals = context.globals;
      std::vector<std::string> rest = arguments;
      std::erase_if(rest, [&](const std::string& argument) {
        globals.json = globals.json || argument == "--json";
        return argument == "--json";
      });
      if (const std::string socket = takeOption(rest, "--socket"); !socket.empty()) globals.socket = socket;
      if (name == "prewarm") return prewarm(globals, rest);
      if (name == "export" || name == "import" || name == "verify" || name == "gc")
        if (auto code = throughDaemon(globals, name, rest)) return *code;
      return become(globals, offlineCommand(globals, name, rest));
    };
  });
}
} // namespace

bool isBundle(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

int showBundle(const Globals& globals, const std::string& path) {
  return become(globals, offlineCommand(globals, "show", {path}));
}

void addOffline(CLI::App& app, Context& context) {
  addPassed(app, context, "prewarm",
            "build ahead what a manifest or an ONNX model needs: MANIFEST|MODEL.onnx "
            "[--target sm_90a,…] [--compile-only --cache DIR] [--budget S]");
  addPassed(app, context, "export", "write a cache's builds and measurements into a bundle");
  addPassed(app, context, "import", "take a bundle into a cache");
  addPassed(app, context, "verify", "check a bundle, or a whole cache");
  addPassed(app, context, "gc", "drop binaries of a cache that are not among the best");
  addPassed(app, context, "diff", "what changed between two bundles");
  addPassed(app, context, "key", "keys that bundles are signed with: new FILE, trust FILE.pub");
}

} // namespace tuned::tunectl
