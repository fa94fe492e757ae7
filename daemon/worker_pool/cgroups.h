// Limits for workers through cgroups (version 2), where the daemon was given a part of the tree for itself:
// by systemd with Delegate=, or by a container that runs nothing else. Elsewhere workers have rlimits only.
#pragma once

#include "base/error.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>

namespace tuned {

/// What all processes of one worker together may take.
struct CgroupLimits {
  int64_t memory = 0; ///< bytes; 0: no limit
  int64_t tasks = 1024;
};

/// The cgroup of one worker; removed with the object, and whatever of the worker is left in it is killed.
class Cgroup {
public:
  Cgroup(Cgroup&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();
  /// Moves a process in. False: it cannot be done.
  bool add(pid_t process) const;
  /// Whether a process in it was killed because the limit of memory was reached.
  bool ranOutOfMemory() const;
  const std::string& path() const { return path_; }

private:
  friend class Cgroups;
  explicit Cgroup(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

class Cgroups {
public:
  /// The cgroup that this process is in, for open(). NotFound: no version 2 here.
  static Result<std::string> own();
  /// Takes the cgroup `folder`, which this process must be alone in, for workers: the process moves into a
  /// child of it, since none but the lowest may have both processes and limits. Unavailable, with the reason,
  /// when it was not given to this process; all is as before then.
  static Result<std::shared_ptr<Cgroups>> open(const std::string& folder);

  /// Safe from any thread.
  Result<Cgroup> make(const CgroupLimits& limits);

private:
  explicit Cgroups(std::string folder) : folder_(std::move(folder)) {}
  const std::string folder_;
  std::atomic<uint64_t> made_ = 0;
};

} // namespace tuned
