#include "daemon/options.h"

#include "base/json_limits.h"
#include "base/model/json.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <type_traits>
#include <unistd.h>

namespace tuned {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// One option: its key in the file (and with dashes its name on the command line), one sentence, and for a
/// number its range.
struct Row {
  const char* key;
  const char* help;
  double low = 0, high = 0;
  bool onLine = true; ///< on the command line, too
};

constexpr double day = 86'400, mebi = 1 << 20, gibi = 1 << 30;

/// Each option once, in the order of the manual.
template <typename Visit> void visitOptions(Options& o, Visit&& visit) {
  visit(Row{"socket", "Unix socket to serve"}, o.socket);
  visit(Row{"cache", "folder of the cache"}, o.cache);
  visit(Row{"devices", "use this device only; may be repeated"}, o.devices);
  visit(Row{"group", "group whose members may ask; * for every user"}, o.group);
  visit(Row{"submit_group", "group whose members may submit kernels, too"}, o.submitGroup);
  visit(Row{"worker", "the program tuned-worker", 0, 0, false}, o.worker);
  visit(Row{"log_level", "trace, debug, info, warn, error, off"}, o.logLevel);
  visit(Row{"compile_workers", "compile processes; 0: one a core", 0, 1024}, o.compileWorkers);
  visit(Row{"compile_seconds", "deadline of one compilation", 0.1, day}, o.compileSeconds);
  visit(Row{"measure_seconds", "deadline of one measurement", 0.1, day}, o.measureSeconds);
  visit(Row{"tune_seconds", "longest tuning; it then ends with the best it has found", 1, 365 * day},
        o.tuneSeconds);
  visit(Row{"compile_memory", "bytes of address space of a compile process", 256 * mebi, 1024 * gibi},
        o.compileMemory);
  visit(Row{"artefact_bytes", "binaries that won nothing are dropped beyond this, oldest first", 0,
            1024.0 * 1024 * gibi},
        o.artefactBytes);
  visit(Row{"artefact_days", "binaries that won nothing are dropped when they are older than this", 0.001,
            36'500},
        o.artefactDays);
  visit(Row{"history_rows",
            "measurements that decide nothing, and finished tunings, are dropped beyond so many", 1, 1e12},
        o.historyRows);
  visit(Row{"history_days",
            "measurements that decide nothing, and finished tunings, are dropped when they are older", 0.001,
            36'500},
        o.historyDays);
  visit(Row{"request_seconds", "a request must arrive within this", 0.05, day}, o.requestSeconds);
  visit(Row{"request_bytes", "largest body of a request", 1024, gibi}, o.requestBytes);
  visit(Row{"connections", "connections at a time", 8, 1'000'000}, o.connections);
  visit(Row{"jobs", "tunings queued and running at a time", 1, 1'000'000}, o.jobs);
  visit(Row{"jobs_per_user", "tunings of one user queued and running at a time", 1, 1'000'000},
        o.jobsPerUser);
  visit(Row{"kernels_per_user", "documents of kernels that one user may keep", 1, 1e9}, o.kernelsPerUser);
  visit(Row{"kernel_bytes_per_user", "bytes of such documents of one user", 1 * mebi, 1024 * gibi},
        o.kernelBytesPerUser);
  visit(Row{"others_builds", "builds that others made which are kept of a kernel at the same sizes", 1, 1e6},
        o.othersBuilds);
  visit(Row{"quiet_seconds", "a measurement waits so long for a device that others use or that is too hot", 0,
            day},
        o.quietSeconds);
  visit(Row{"idle_seconds", "worker processes without work end after this", 0.1, day}, o.idleSeconds);
  visit(Row{"exit_idle_seconds", "the daemon ends after this without connections and tunings; 0: never", 0,
            365 * day},
        o.exitIdleSeconds);
}

constexpr const char* levels[] = {"trace", "debug", "info", "warn", "error", "off"};

std::unexpected<Error> outOfRange(const std::string& option, const std::string& range) {
  return fail(ErrorKind::InvalidInput, "option " + option + " is out of range", "it must be " + range);
}

std::string shown(double number) {
  nlohmann::json whole = static_cast<int64_t>(number);
  return number == static_cast<double>(static_cast<int64_t>(number)) ? whole.dump()
                                                                     : nlohmann::json(number).dump();
}

/// Complains of a number outside of its row's range, infinities and what is no number included.
struct RangeCheck {
  std::optional<Error> wrong;
  void operator()(const Row&, const std::string&) {}
  void operator()(const Row&, const std::vector<std::string>&) {}
  void operator()(const Row& row, double value) {
    if (wrong || (value >= row.low && value <= row.high)) return;
    wrong = outOfRange(row.key, shown(row.low) + " to " + shown(row.high)).error();
  }
};

/// Where the socket's path came from, for who has to shorten it.
std::string originOfSocket(const std::string& path) {
  for (const char* variable : {"GPU_TUNED_SOCKET", "XDG_RUNTIME_DIR"})
    if (const std::string value = environment(variable); !value.empty() && path.starts_with(value))
      return std::string(", which comes from ") + variable;
  return "";
}

void fillIn(Options& options) {
  if (options.socket.empty()) options.socket = defaultSocket();
  if (options.cache.empty()) options.cache = defaultCache();
  if (options.compileWorkers == 0)
    options.compileWorkers = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 1024);
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
  if (auto home = environment("HOME"); !home.empty()) return home + "/.cache/gpu-tuned";
  return "";
}

Result<void> Options::verify() const {
  // sun_path has 108 bytes with its closing zero.
  constexpr size_t longest = 107;
  if (socket.empty() || socket.size() > longest)
    return fail(ErrorKind::InvalidInput,
                "the socket's path has " + std::to_string(socket.size()) + " bytes" + originOfSocket(socket) +
                    ": '" + socket + "'",
                "give one of 1 to 107 bytes with --socket or GPU_TUNED_SOCKET");
  if (cache.empty())
    return fail(ErrorKind::InvalidInput,
                "there is no place for the cache: neither HOME nor XDG_CACHE_HOME is set",
                "name one with --cache or GPU_TUNED_CACHE");
  RangeCheck check;
  visitOptions(const_cast<Options&>(*this), check); // which only looks
  if (check.wrong) return fail(*check.wrong);
  if (std::ranges::find(levels, logLevel) != std::end(levels)) return {};
  return outOfRange("log_level", "trace, debug, info, warn, error or off");
}

namespace {

/// Reads one member; complains in `wrong` of another type than its own.
struct FileReader {
  nlohmann::json& document;
  std::string wrong = {};

  template <typename T> void operator()(const Row& row, T& member) {
    const auto value = document.find(row.key);
    if (value == document.end() || !wrong.empty()) return;
    const model::Place root;
    try {
      model::read(*value, member, model::Place{&root, row.key});
      document.erase(row.key);
    } catch (const model::Failure& failure) {
      wrong = failure.path + ": " + failure.message;
    }
  }
};

} // namespace

Result<Options> readOptions(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file) return fail(ErrorKind::InvalidInput, "cannot read the configuration " + path);
  if (auto bounded = checkJsonLimits(text); !bounded)
    return fail(ErrorKind::InvalidInput, path + ": " + bounded.error().message);
  if (auto once = checkJsonKeys(text, true); !once)
    return fail(ErrorKind::InvalidInput, path + ": " + once.error().message);
  nlohmann::json document = nlohmann::json::parse(text, nullptr, false, true);
  if (!document.is_object())
    return fail(ErrorKind::InvalidInput, "the configuration " + path + " is not a JSON object");
  document.erase("$schema");
  Options options;
  FileReader reader{document};
  visitOptions(options, reader);
  std::string wrong = reader.wrong;
  if (wrong.empty() && !document.empty()) wrong = "'" + document.begin().key() + "' is not an option";
  if (!wrong.empty())
    return fail(ErrorKind::InvalidInput, path + ": " + wrong, "configs/daemon.json lists the options");
  return options;
}

std::string optionsSchema() {
  Options defaults;
  nlohmann::ordered_json properties;
  visitOptions(defaults, [&]<typename T>(const Row& row, const T& value) {
    nlohmann::ordered_json entry = {{"description", row.help}};
    if constexpr (std::is_arithmetic_v<T>) {
      entry["type"] = std::is_integral_v<T> ? "integer" : "number";
      entry["minimum"] = row.low;
      entry["maximum"] = row.high;
    } else if constexpr (std::is_same_v<T, std::string>) {
      entry["type"] = "string";
    } else {
      entry["type"] = "array";
      entry["items"] = {{"type", "string"}};
    }
    if (std::string(row.key) == "log_level") entry["enum"] = levels;
    entry["default"] = value;
    properties[row.key] = entry;
  });
  properties["$schema"] = {{"type", "string"}};
  return nlohmann::ordered_json({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                                 {"title", "the configuration of gpu-tuned's daemon"},
                                 {"type", "object"},
                                 {"properties", properties},
                                 {"additionalProperties", false}})
             .dump(2) +
         "\n";
}

namespace {

std::string nameOnLine(const char* key) {
  std::string name = std::string("--") + key;
  if (name == "--devices") return "--device"; // one at a time
  std::ranges::replace(name, '_', '-');
  return name;
}

struct Line {
  std::string file;
  bool check = false, schema = false;
};

/// Reads the command line over what `options` holds. Nothing: there is more to do; an exit status otherwise.
Result<bool> readLine(int argc, char** argv, Options& options, Line& line, bool quiet) {
  CLI::App app("tuned: finds, proves and keeps the fastest build of a kernel", "tuned");
  app.set_version_flag("--version", TUNED_VERSION);
  app.add_option("--config", line.file, "configuration file (JSON); options given here win over it");
  app.add_flag("--check-config", line.check, "say whether configuration and command line are sound, and end");
  app.add_flag("--config-schema", line.schema, "print the JSON Schema of the configuration file, and end");
  visitOptions(options, [&](const Row& row, auto& member) {
    if (row.onLine) app.add_option(nameOnLine(row.key), member, row.help);
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return fail(ErrorKind::InvalidInput, error.what(), "see tuned --help");
    if (!quiet) app.exit(error);
    return true;
  }
  return false;
}

} // namespace

Result<CommandLine> parseCommandLine(int argc, char** argv) {
  // Twice: the file that the line names comes under the line.
  CommandLine out;
  Line line;
  Options ignored;
  auto over = readLine(argc, argv, ignored, line, false);
  if (!over) return fail(over.error());
  if (*over) return CommandLine{{}, {}, true};
  if (!line.file.empty()) {
    auto read = readOptions(line.file);
    if (!read) return fail(read.error());
    out.options = *read;
    out.file = line.file;
  }
  if (auto again = readLine(argc, argv, out.options, line, true); !again) return fail(again.error());
  fillIn(out.options);
  if (auto sound = out.options.verify(); !sound) return fail(sound.error());
  if (line.schema) std::cout << optionsSchema();
  if (line.check) std::cout << (out.file.empty() ? "the command line" : out.file) << " is sound\n";
  out.exit = line.schema || line.check;
  return out;
}

} // namespace tuned
