// tunectl prewarm without a daemon: builds into the cache.
#include "base/positive_option.h"
#include "daemon/offline/child.h"
#include "daemon/offline/verbs.h"
#include "daemon/prewarm/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>
#include <unistd.h>

namespace tuned::offline {

namespace {

struct Options {
  std::string file;
  std::vector<std::string> targets, folders, dimensions;
  std::vector<std::string> compilers;
  std::string type, device;
  int64_t configurations = 0;
  bool compileOnly = false, built = false;
  prewarm::RunOptions run;
};

/// SIGINT and SIGTERM end the run in order: what was made is kept. Made before any thread.
class Signals {
public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    waiting_ = std::jthread([this](const std::stop_token& over) {
      const timespec patience{0, 100'000'000};
      while (!over.stop_requested())
        if (sigtimedwait(&set_, nullptr, &patience) > 0) stop_.request_stop();
    });
  }
  std::stop_token token() const { return stop_.get_token(); }

private:
  sigset_t set_{};
  std::stop_source stop_;
  std::jthread waiting_;
};

/// A bar that redraws itself on a terminal, a line every few seconds elsewhere.
class Display {
public:
  void show(const prewarm::Report& report) {
    const int64_t there = report.known + report.compiled;
    const bool over = there == report.builds;
    if (!terminal_ && !over && report.seconds < next_) return;
    next_ = report.seconds + 5;
    std::string text = std::to_string(there) + "/" + std::to_string(report.builds) + " builds, " +
                       std::to_string(report.failures.size()) + " failed, " +
                       std::to_string(static_cast<int>(report.seconds)) + " s";
    if (!terminal_) {
      std::cerr << "prewarm: " << text << "\n";
      return;
    }
    constexpr int width = 30;
    auto filled = static_cast<int>(report.builds > 0 ? width * there / report.builds : width);
    std::cerr << "\r[" << std::string(static_cast<size_t>(filled), '#')
              << std::string(static_cast<size_t>(width - filled), '.') << "] " << text << "\x1b[K"
              << (over ? "\n" : "") << std::flush;
  }

private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  double next_ = 0;
};

Result<prewarm::Manifest> load(const Options& options) {
  if (!options.file.ends_with(".onnx")) {
    if (!options.dimensions.empty() || !options.type.empty())
      return fail(ErrorKind::InvalidInput, "--dimension and --type are for ONNX models");
    return prewarm::loadManifest(options.file, options.folders);
  }
  std::vector<std::string> command = {besideThis("tuned-onnx"), options.file};
  for (const std::string& dimension : options.dimensions) {
    size_t equals = dimension.find('=');
    if (equals == std::string::npos)
      return fail(ErrorKind::InvalidInput, "--dimension " + dimension + " is not NAME=INTEGER");
    command.insert(command.end(), {"--dimension", dimension.substr(0, equals), dimension.substr(equals + 1)});
  }
  if (!options.type.empty()) command.insert(command.end(), {"--type", options.type});
  auto text = outputOf(command);
  if (!text) return fail(text.error());
  return prewarm::parseManifest(*text, options.file, options.folders);
}

nlohmann::json toJson(const std::vector<prewarm::Failure>& failures) {
  nlohmann::json out = nlohmann::json::array();
  for (const prewarm::Failure& each : failures)
    out.push_back({{"kernel", each.kernel},
                   {"sizes", each.sizes},
                   {"configuration", each.configuration},
                   {"target", each.target},
                   {"outcome", each.outcome},
                   {"reason", each.reason}});
  return out;
}

nlohmann::json toJson(const prewarm::Report& report, const prewarm::Manifest& manifest) {
  nlohmann::json out = {{"manifest", manifest.name},
                        {"problems", manifest.problems.size()},
                        {"builds", report.builds},
                        {"compiled", report.compiled},
                        {"shared", report.shared},
                        {"known", report.known},
                        {"too_large", report.tooLarge},
                        {"failures", toJson(report.failures)},
                        {"refused", toJson(report.refused)},
                        {"late", toJson(report.late)},
                        {"complete", report.ended},
                        {"seconds", report.seconds},
                        {"longest_seconds", report.longest},
                        {"cores_busy", report.coresBusy},
                        {"notes", manifest.notes}};
  if (report.coresIdle) out["cores_idle"] = *report.coresIdle;
  return out;
}

void print(const prewarm::Report& report, const prewarm::Manifest& manifest) {
  for (const std::string& note : manifest.notes)
    std::cerr << "prewarm: " << note << "\n";
  constexpr size_t shown = 20;
  for (const prewarm::Failure& each :
       std::span(report.failures).first(std::min(shown, report.failures.size())))
    std::cerr << "prewarm: " << each.kernel << " " << each.sizes << " " << each.configuration << " for "
              << each.target << ": " << each.outcome << ": " << each.reason << "\n";
  if (report.failures.size() > shown)
    std::cerr << "prewarm: " << report.failures.size() - shown << " more failed; --json lists them all\n";
  const auto missed =
      static_cast<size_t>(std::ranges::count(report.failures, "timed_out", &prewarm::Failure::outcome));
  if (const size_t late = report.late.size() + missed; late > 0)
    std::cerr << "prewarm: " << late
              << " builds missed their deadline; the next run tries them again (--compile-seconds gives them "
                 "longer)\n";
  const std::string idle =
      report.coresIdle ? ", " + std::to_string(std::lround(100 * *report.coresIdle)) + " % idle" : "";
  std::printf("%s: %zu problems, %ld builds: %ld compiled (%ld have the code of another), %ld known, %ld too "
              "large for their device, "
              "%zu refused by a second compiler, %zu not made by it in time, %zu failed; "
              "%.1f s (the longest build %.1f s), cores %.0f %% busy with it%s\n",
              manifest.name.c_str(), manifest.problems.size(), static_cast<long>(report.builds),
              static_cast<long>(report.compiled), static_cast<long>(report.shared),
              static_cast<long>(report.known), static_cast<long>(report.tooLarge), report.refused.size(),
              report.late.size(), report.failures.size(), report.seconds, report.longest,
              100 * report.coresBusy, idle.c_str());
}

int prewarm(const Context& context, Options options) {
  Signals signals;
  if (!options.compileOnly)
    return report(context, {ErrorKind::InvalidInput, "without a daemon nothing can be measured", std::nullopt,
                            "say --compile-only, or leave out --cache where a daemon runs"});
  if (options.built || !options.device.empty())
    return report(context, {ErrorKind::InvalidInput, "--device and --built are for measuring", std::nullopt,
                            "leave out --compile-only and --cache where a daemon runs"});
  auto manifest = load(options);
  if (!manifest) return report(context, manifest.error());
  if (options.configurations > 0) manifest->configurations = options.configurations;
  if (options.run.worker.empty()) options.run.worker = besideThis("tuned-worker");
  auto toolchain = prewarm::findToolchain(options.run.worker);
  if (!toolchain) return report(context, toolchain.error());
  for (const std::string& notice : toolchain->notices)
    std::cerr << "prewarm: " << notice << "\n";
  if (auto ok = prewarm::keepCompilers(*toolchain, options.compilers); !ok)
    return report(context, ok.error());
  auto plan = prewarm::makePlan(*manifest, options.targets, *toolchain);
  if (!plan) return report(context, plan.error());
  auto store = openCache(context, false);
  if (!store) return report(context, store.error());
  for (const std::string& notice : (*store)->notices())
    std::cerr << "prewarm: " << notice << "\n";
  Display display;
  auto result = prewarm::run(
      **store, *plan, options.run, [&](const prewarm::Report& sofar) { display.show(sofar); },
      signals.token());
  if (!result) return report(context, result.error());
  (void)(*store)->checkpoint();
  if (context.json)
    std::cout << toJson(*result, *manifest).dump(2) << "\n";
  else
    print(*result, *manifest);
  if (!result->failures.empty()) return failed;
  return result->ended ? done : budgetEnded;
}

/// What tunectl tunes through a daemon.
int plan(const Context& context, const Options& options) {
  auto manifest = load(options);
  if (!manifest) return report(context, manifest.error());
  nlohmann::json problems = nlohmann::json::array();
  for (const prewarm::Problem& problem : manifest->problems)
    problems.push_back({{"kernel", problem.kernel},
                        {"name", std::filesystem::path(problem.kernel).stem().string()},
                        {"sizes", problem.sizes}});
  std::cout
      << nlohmann::json{{"name", manifest->name}, {"problems", problems}, {"notes", manifest->notes}}.dump(2)
      << "\n";
  return done;
}

} // namespace

void addPlan(CLI::App& app, Context& context) {
  auto* verb =
      app.add_subcommand("plan", "the kernels and sizes that a manifest or a model stands for, as JSON");
  auto options = std::make_shared<Options>();
  verb->add_option("file", options->file, "a manifest (JSON) or a model (.onnx)")->required();
  verb->add_option("--kernels", options->folders, "folder of kernel documents; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--dimension", options->dimensions, "a dynamic dimension of the model: NAME=INTEGER")
      ->allow_extra_args(false);
  verb->add_option("--type", options->type, "what the model's products run in: f16, bf16, f32")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}));
  verb->callback([options, &context] { context.run = [=, &context] { return plan(context, *options); }; });
}

void addPrewarm(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("prewarm", "build ahead what a manifest or an ONNX model needs");
  auto options = std::make_shared<Options>();
  verb->add_option("file", options->file, "a manifest (JSON) or a model (.onnx)")->required();
  verb->add_option("-t,--target", options->targets, "sm_80, sm_90a, …, cpu; else those of the manifest")
      ->allow_extra_args(false)
      ->delimiter(',');
  verb->add_option("--compiler", options->compilers, "of GPU targets: nvptx, tileir; else all that are here")
      ->allow_extra_args(false)
      ->delimiter(',');
  verb->add_flag("--compile-only", options->compileOnly, "build, and measure nothing: needs no GPU");
  verb->add_option("--device", options->device, "through a daemon: which to tune for; else its best");
  verb->add_flag("--built", options->built,
                 "through a daemon: time the builds that are there, make no other");
  verb->add_option("--configurations", options->configurations,
                   "for each problem, the default among them; else as the manifest says")
      ->check(positiveNumber());
  verb->add_option("--budget", options->run.budget, "seconds; what is not done then is done by the next run")
      ->check(positiveNumber());
  verb->add_option("--jobs", options->run.slots, "builds at a time")->check(CLI::Range(1, 1024));
  verb->add_option("--compile-seconds", options->run.compileSeconds, "deadline of one build")
      ->check(positiveNumber());
  verb->add_option("--kernels", options->folders, "folder of kernel documents; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--dimension", options->dimensions, "a dynamic dimension of the model: NAME=INTEGER")
      ->allow_extra_args(false);
  verb->add_option("--type", options->type, "what the model's products run in: f16, bf16, f32")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}));
  verb->add_option("--worker", options->run.worker, "the worker program; else tuned-worker beside this one");
  verb->callback([options, &context] { context.run = [=, &context] { return prewarm(context, *options); }; });
}

} // namespace tuned::offline
