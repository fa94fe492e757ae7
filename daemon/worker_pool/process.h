// One worker process: started with posix_spawn over a socket pair (descriptor 3 in the child), killed and
// reaped.
#pragma once

#include "daemon/worker/channel.h"

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tuned {

struct WorkerCommand {
  std::string program;
  std::vector<std::string> arguments;
};

class WorkerProcess {
public:
  /// Unavailable when the program cannot be started.
  static Result<std::unique_ptr<WorkerProcess>> start(const WorkerCommand& command);
  /// Kills and reaps.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// One request and its answer. TimedOut: killed at the deadline. Denied: stopped, and killed. Faulted: the
  /// process died; the message says how, and death() the signal. In all three the process is gone.
  Result<nlohmann::json> call(const nlohmann::json& request, Deadline deadline, std::stop_token stop = {});
  /// The signal that ended the process, 0 when it exited or lives.
  int deathSignal() const { return deathSignal_; }
  bool alive() const { return pid_ > 0; }

private:
  WorkerProcess(pid_t pid, Channel channel) : pid_(pid), channel_(std::move(channel)) {}
  void kill();
  std::string reap();

  pid_t pid_;
  Channel channel_;
  int deathSignal_ = 0;
};

} // namespace tuned
