// A program run for its output alone: with nothing of our environment, under limits of time and memory.
#pragma once

#include "base/error.h"

#include <chrono>
#include <string>
#include <vector>

namespace tuned::tileir {

struct ChildLimits {
  std::chrono::seconds processor{60};          ///< of processor time, for each process
  std::chrono::milliseconds deadline{240'000}; ///< of the clock: a busy machine is not the program's fault
  int64_t addressSpace = int64_t(10) << 30;    ///< bytes, of each process
  int64_t fileSize = int64_t(256) << 20;       ///< bytes, of each file that it writes
  size_t outputKept = 64 << 10;                ///< bytes of its output that are handed out
};

struct ChildOutcome {
  int status = 0;        ///< exit status; meaningless after a signal
  int signal = 0;        ///< that ended it; 0: none
  bool timedOut = false; ///< it was killed at the deadline, or used up its processor time
  std::string output;    ///< of stdout and stderr together, its first bytes
};

/// Runs `arguments[0]` (a path) in `folder` and waits for it. Its environment is PATH (the program's own
/// folder, then the system's) and TMPDIR (`folder`). At the deadline it and every process that it started are
/// killed; the program is killed, too, when the thread that waits for it ends. Unavailable: it could not be
/// started.
Result<ChildOutcome> runChild(const std::vector<std::string>& arguments, const std::string& folder,
                              const ChildLimits& limits);

/// A new folder below TMPDIR (or /tmp) that goes with all that is in it.
class TemporaryFolder {
public:
  static Result<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

} // namespace tuned::tileir
