#include "daemon/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace tuned {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Each option once: its key in the file and its member.
template <typename Visit> void visitOptions(Options& options, Visit&& visit) {
  visit("socket", options.socket);
  visit("cache", options.cache);
  visit("devices", options.devices);
  visit("group", options.group);
  visit("worker", options.worker);
  visit("log_level", options.logLevel);
  visit("compile_workers", options.compileWorkers);
  visit("compile_seconds", options.compileSeconds);
  visit("measure_seconds", options.measureSeconds);
  visit("compile_memory", options.compileMemory);
  visit("artefact_bytes", options.artefactBytes);
  visit("artefact_days", options.artefactDays);
  visit("request_seconds", options.requestSeconds);
  visit("request_bytes", options.requestBytes);
  visit("idle_seconds", options.idleSeconds);
}

std::unexpected<Error> outOfRange(const std::string& option, const std::string& range) {
  return fail(ErrorKind::InvalidInput, "option " + option + " is out of range", "it must be " + range);
}

void fillIn(Options& options) {
  if (options.socket.empty()) options.socket = defaultSocket();
  if (options.cache.empty()) options.cache = defaultCache();
  if (options.compileWorkers == 0)
    options.compileWorkers = static_cast<int>(std::thread::hardware_concurrency());
  if (options.worker.empty()) {
    std::error_code error;
    auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    options.worker = (self.parent_path() / "tuned-worker").string();
  }
}

} // namespace

std::string defaultSocket() {
  if (auto given = environment("GPU_TUNED_SOCKET"); !given.empty()) return given;
  if (auto runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty())
    return runtime + "/gpu-tuned/tuned.sock";
  return "/run/gpu-tuned/tuned.sock";
}

std::string defaultCache() {
  if (auto given = environment("GPU_TUNED_CACHE"); !given.empty()) return given;
  if (::geteuid() == 0) return "/var/lib/gpu-tuned";
  if (auto cache = environment("XDG_CACHE_HOME"); !cache.empty()) return cache + "/gpu-tuned";
  return environment("HOME") + "/.cache/gpu-tuned";
}

Result<void> Options::verify() const {
  // sun_path has 108 bytes with its closing zero.
  if (socket.empty() || socket.size() > 107) return outOfRange("socket", "a path of 1 to 107 bytes");
  if (compileWorkers < 1 || compileWorkers > 1024) return outOfRange("compile_workers", "1 to 1024");
  if (!(compileSeconds > 0)) return outOfRange("compile_seconds", "above 0");
  if (!(measureSeconds > 0)) return outOfRange("measure_seconds", "above 0");
  if (compileMemory < int64_t{256} << 20) return outOfRange("compile_memory", "at least 268435456 bytes");
  if (artefactBytes < 0) return outOfRange("artefact_bytes", "at least 0");
  if (!(artefactDays > 0)) return outOfRange("artefact_days", "above 0");
  if (!(requestSeconds > 0)) return outOfRange("request_seconds", "above 0");
  if (requestBytes < 1024) return outOfRange("request_bytes", "at least 1024");
  if (!(idleSeconds > 0)) return outOfRange("idle_seconds", "above 0");
  for (const char* level : {"trace", "debug", "info", "warn", "error", "off"})
    if (logLevel == level) return {};
  return outOfRange("log_level", "trace, debug, info, warn, error or off");
}

Result<Options> readOptions(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ErrorKind::InvalidInput, "cannot read the configuration " + path);
  nlohmann::json document = nlohmann::json::parse(file, nullptr, false, true);
  if (!document.is_object())
    return fail(ErrorKind::InvalidInput, "the configuration " + path + " is not a JSON object");
  Options options;
  std::string wrong;
  visitOptions(options, [&](const char* key, auto& member) {
    auto value = document.find(key);
    if (value == document.end()) return;
    try {
      value->get_to(member);
      document.erase(key);
    } catch (const nlohmann::json::exception& error) {
      wrong = std::string(key) + ": " + error.what();
    }
  });
  if (wrong.empty() && !document.empty()) wrong = "'" + document.begin().key() + "' is not an option";
  if (!wrong.empty())
    return fail(ErrorKind::InvalidInput, path + ": " + wrong, "configs/daemon.json lists the options");
  return options;
}

Result<CommandLine> parseCommandLine(int argc, char** argv) {
  std::string file;
  Options given;
  CLI::App app("tuned: finds, proves and keeps the fastest build of a kernel", "tuned");
  app.set_version_flag("--version", TUNED_VERSION);
  app.add_option("--config", file, "configuration file (JSON); options given here win over it");
  auto* socket = app.add_option("--socket", given.socket, "Unix socket to serve");
  auto* cache = app.add_option("--cache", given.cache, "folder of the cache");
  auto* devices = app.add_option("--device", given.devices, "use this device only; may be repeated");
  auto* group = app.add_option("--group", given.group, "group whose members may connect");
  auto* level = app.add_option("--log-level", given.logLevel, "trace, debug, info, warn, error, off");
  auto* workers =
      app.add_option("--compile-workers", given.compileWorkers, "compile processes; 0: one a core");
  auto* compileSeconds =
      app.add_option("--compile-seconds", given.compileSeconds, "deadline of one compilation");
  auto* measureSeconds =
      app.add_option("--measure-seconds", given.measureSeconds, "deadline of one measurement");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return CommandLine{{}, true};
    }
    return fail(ErrorKind::InvalidInput, error.what(), "see tuned --help");
  }
  CommandLine line;
  if (!file.empty()) {
    auto read = readOptions(file);
    if (!read) return fail(read.error());
    line.options = *read;
  }
  if (*socket) line.options.socket = given.socket;
  if (*cache) line.options.cache = given.cache;
  if (*devices) line.options.devices = given.devices;
  if (*group) line.options.group = given.group;
  if (*level) line.options.logLevel = given.logLevel;
  if (*workers) line.options.compileWorkers = given.compileWorkers;
  if (*compileSeconds) line.options.compileSeconds = given.compileSeconds;
  if (*measureSeconds) line.options.measureSeconds = given.measureSeconds;
  fillIn(line.options);
  if (auto sound = line.options.verify(); !sound) return fail(sound.error());
  return line;
}

} // namespace tuned
