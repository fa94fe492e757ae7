// What the daemon is told: from the command line, and under it a configuration file.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tuned {

struct Options {
  std::string socket;                       ///< path; empty: defaultSocket()
  std::string cache;                        ///< folder; empty: defaultCache()
  std::vector<std::string> devices;         ///< only these ids; empty: all that are present
  std::string group;                        ///< members may connect too; empty: only this user and root
  std::string worker;                       ///< the worker program; empty: tuned-worker beside this one
  std::string logLevel = "info";            ///< trace, debug, info, warn, error, off
  int compileWorkers = 0;                   ///< 0: one a core
  double compileSeconds = 60;               ///< deadline of one compilation
  double measureSeconds = 60;               ///< deadline of one variant's verification and timing
  int64_t compileMemory = int64_t{4} << 30; ///< bytes of address space of a compile worker
  int64_t artefactBytes =
      int64_t{2} << 30;       ///< binaries that won nothing are dropped beyond this, oldest first
  double artefactDays = 30;   ///< … and when they are older than this
  double requestSeconds = 10; ///< a request must arrive within this
  int64_t requestBytes = int64_t{16} << 20; ///< largest body
  double idleSeconds = 60;                  ///< workers without work end after this

  /// InvalidInput names the option whose value is out of range.
  Result<void> verify() const;
};

/// $GPU_TUNED_SOCKET, else $XDG_RUNTIME_DIR/gpu-tuned/tuned.sock, else /run/gpu-tuned/tuned.sock.
std::string defaultSocket();
/// $GPU_TUNED_CACHE, else /var/lib/gpu-tuned for root, else $XDG_CACHE_HOME or ~/.cache, /gpu-tuned.
std::string defaultCache();

/// Reads a JSON object whose keys are the members in snake_case. InvalidInput names the file and the key.
Result<Options> readOptions(const std::string& path);

/// Command line over configuration file over defaults; paths filled in and verified. Handles --help and
/// --version: then `exit` is set and there is nothing more to do.
struct CommandLine {
  Options options;
  bool exit = false;
};
Result<CommandLine> parseCommandLine(int argc, char** argv);

} // namespace tuned
