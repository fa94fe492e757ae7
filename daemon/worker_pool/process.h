// One worker process: started with posix_spawn over a socket pair (descriptor 3 in the child), killed and
// reaped. It gets nothing else of the daemon's: an empty standard input, the daemon's standard error, a short
// list of variables and an empty folder of its own.
#pragma once

#include "daemon/worker/channel/channel.h"
#include "daemon/worker_pool/cgroups.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace tuned {

struct WorkerCommand {
  std::string program;
  std::vector<std::string> arguments;
  std::shared_ptr<Cgroups> cgroups = {}; ///< null: no limits besides those that the worker sets itself
  CgroupLimits limits = {};
};

/// An empty folder of mode 0700 for temporary files, removed with the object.
class WorkerFolder {
public:
  /// Unavailable: none can be made in the system's place for temporary files.
  static Result<WorkerFolder> make();
  WorkerFolder(WorkerFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkerFolder& operator=(WorkerFolder&&) = delete;
  ~WorkerFolder();
  const std::string& path() const { return path_; }
  /// Removes those that daemons left behind which were killed. Once, before the first make().
  static void sweep();

private:
  explicit WorkerFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Answers what a worker asks about its request while it works on it. Of what comes from a worker nothing is
/// certain.
using Answering = std::function<nlohmann::json(const nlohmann::json& question)>;

class WorkerProcess {
public:
  /// Unavailable when the program cannot be started.
  static Result<std::unique_ptr<WorkerProcess>> start(const WorkerCommand& command);
  /// Kills and reaps.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// One request and its answer. TimedOut: killed at the deadline. Denied: stopped, and killed. Faulted: the
  /// process died, or said what is no answer, or asked too often; the message says how, and deathSignal() the
  /// signal that others ended it with. In all three the process is gone. Without `answering` questions are
  /// answered with an empty object.
  Result<nlohmann::json> call(const nlohmann::json& request, Deadline deadline,
                              const std::stop_token& stop = {}, const Answering& answering = {});
  /// The signal that ended the process, 0 when it exited or lives, or was ended here for what it said.
  int deathSignal() const { return deathSignal_; }
  /// Whether it died because it took more memory than its cgroup may.
  bool ranOutOfMemory() const { return ranOutOfMemory_; }
  /// The process may have died since the last call: this looks.
  bool alive();
  /// Whose code the process has had; nothing: nobody's yet.
  std::optional<std::string> owner;

private:
  WorkerProcess(pid_t pid, Channel channel, WorkerFolder folder, std::optional<Cgroup> group)
      : pid_(pid), channel_(std::move(channel)), folder_(std::move(folder)), group_(std::move(group)) {}
  Result<nlohmann::json> converse(const nlohmann::json& request, Deadline deadline,
                                  const std::stop_token& stop, const Answering& answering);
  void kill();
  std::string reap();

  pid_t pid_;
  Channel channel_;
  WorkerFolder folder_;
  std::optional<Cgroup> group_;
  int deathSignal_ = 0;
  bool ranOutOfMemory_ = false;
};

} // namespace tuned
