// What the daemon is told: from the command line, and under it a configuration file.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tuned {

struct Options {
  std::string socket;               ///< path; empty: defaultSocket()
  std::string cache;                ///< folder; empty: defaultCache()
  std::vector<std::string> devices; ///< only these ids; empty: all that are present
  /// Every user of the machine, as a value of the two groups.
  static constexpr const char* everyone = "*";
  std::string group;                        ///< members may ask; empty: only this user and root
  std::string submitGroup;                  ///< members may bring kernels, too, which are code that runs here
  std::string worker;                       ///< the worker program; empty: tuned-worker beside this one
  std::string logLevel = "info";            ///< trace, debug, info, warn, error, off
  int compileWorkers = 0;                   ///< 0: one a core
  double compileSeconds = 60;               ///< deadline of one compilation
  double measureSeconds = 60;               ///< deadline of one variant's verification and timing
  int64_t compileMemory = int64_t{4} << 30; ///< bytes of address space of a compile worker
  int64_t artefactBytes =
      int64_t{2} << 30;            ///< binaries that won nothing are dropped beyond this, oldest first
  double artefactDays = 30;        ///< … and when they are older than this
  int64_t historyRows = 2'000'000; ///< measurements that decide nothing, and finished tunings, go beyond this
  double historyDays = 400;        ///< … and when they are older than this
  double requestSeconds = 10;      ///< a request must arrive within this
  int64_t requestBytes = int64_t{16} << 20; ///< largest body
  double quietSeconds = 30; ///< a measurement waits so long for a device that others use; then it is marked
  double idleSeconds = 60;  ///< workers without work end after this
  int64_t connections = 12'000;    ///< open at a time; one user may hold seven eighths of them
  int64_t jobs = 1024;             ///< tunings queued and running
  int64_t jobsPerUser = 256;       ///< of one user
  int64_t kernelsPerUser = 10'000; ///< documents that one user may keep
  int64_t kernelBytesPerUser = int64_t{1} << 30;
  int64_t othersBuilds = 256;    ///< that are kept of one kernel at the same sizes
  double tuneSeconds = 4 * 3600; ///< of one tuning; it then ends with the best it has found
  double exitIdleSeconds = 0;    ///< without connections and tunings the daemon ends; 0: never

  /// InvalidInput names the option whose value is out of range.
  Result<void> verify() const;
};

/// $GPU_TUNED_SOCKET, else $XDG_RUNTIME_DIR/gpu-tuned/tuned.sock, else /run/gpu-tuned/tuned.sock.
std::string defaultSocket();
/// $GPU_TUNED_CACHE, else /var/lib/gpu-tuned for root, else $XDG_CACHE_HOME or ~/.cache, /gpu-tuned.
std::string defaultCache();

/// Reads a JSON object whose keys are the members in snake_case. InvalidInput names the file and the key.
Result<Options> readOptions(const std::string& path);

/// The JSON Schema of that file.
std::string optionsSchema();

/// Command line over configuration file over defaults; paths filled in and verified. Handles --help,
/// --version, --check-config and --config-schema: then `exit` is set and there is nothing more to do.
struct CommandLine {
  Options options;
  std::string file; ///< the configuration that was read; empty: none
  bool exit = false;
};
Result<CommandLine> parseCommandLine(int argc, char** argv);

} // namespace tuned
