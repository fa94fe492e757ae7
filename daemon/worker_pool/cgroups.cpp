#include "daemon/worker_pool/cgroups.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace tuned {

namespace {

namespace fs = std::filesystem;
constexpr const char* ownLeaf = "daemon";
const std::string workerPrefix = "worker-";

/// One write, as the kernel wants it; false leaves errno.
bool put(const std::string& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return false;
  const bool written = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return written;
}

std::string contents(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

bool hasWord(const std::string& text, const std::string& word) {
  std::istringstream words(text);
  for (std::string one; words >> one;)
    if (one == word) return true;
  return false;
}

std::unexpected<Error> notOurs(const std::string& folder, const std::string& why) {
  return fail(ErrorKind::Unavailable, "the cgroup " + folder + " cannot limit workers: " + why,
              "run the daemon as a unit with Delegate=memory pids");
}

/// Workers of a daemon that was killed.
void sweep(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with(workerPrefix)) ::rmdir(entry.path().c_str());
}

} // namespace

Result<std::string> Cgroups::own() {
  std::istringstream lines(contents("/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::")) continue;
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
      if (fs::exists(std::string(mount) + "/cgroup.procs")) return mount + line.substr(3);
  }
  return fail(ErrorKind::NotFound, "this system has no cgroups of version 2");
}

Result<std::shared_ptr<Cgroups>> Cgroups::open(const std::string& folder) {
  for (const char* file : {"/cgroup.procs", "/cgroup.subtree_control"})
    if (::access((folder + file).c_str(), W_OK) != 0) return notOurs(folder, std::strerror(errno));
  const std::string controllers = contents(folder + "/cgroup.controllers");
  for (const char* needed : {"memory", "pids"})
    if (!hasWord(controllers, needed)) return notOurs(folder, std::string("it has no controller ") + needed);
  std::istringstream processes(contents(folder + "/cgroup.procs"));
  for (pid_t process = 0; processes >> process;)
    if (process != ::getpid()) return notOurs(folder, "other processes are in it");
  sweep(folder);
  const std::string leaf = folder + "/" + ownLeaf;
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return notOurs(folder, std::strerror(errno));
  if (put(leaf + "/cgroup.procs", "0") && put(folder + "/cgroup.subtree_control", "+memory +pids"))
    return std::shared_ptr<Cgroups>(new Cgroups(folder));
  const std::string why = std::strerror(errno);
  put(folder + "/cgroup.procs", "0");
  ::rmdir(leaf.c_str());
  return notOurs(folder, why);
}

Result<Cgroup> Cgroups::make(const CgroupLimits& limits) {
  const std::string path = folder_ + "/" + workerPrefix + std::to_string(++made_);
  if (::mkdir(path.c_str(), 0755) != 0)
    return fail(ErrorKind::Unavailable, "cannot make the cgroup " + path + ": " + std::strerror(errno));
  Cgroup out(path);
  const bool limited = put(path + "/pids.max", std::to_string(limits.tasks)) &&
                       put(path + "/memory.max", limits.memory > 0 ? std::to_string(limits.memory) : "max");
  if (!limited)
    return fail(ErrorKind::Unavailable, "cannot limit the cgroup " + path + ": " + std::strerror(errno));
  // Not everywhere there: without swap accounting there is nothing to limit, and one process dies alone.
  put(path + "/memory.swap.max", "0");
  put(path + "/memory.oom.group", "1");
  return out;
}

Cgroup::~Cgroup() {
  if (path_.empty()) return;
  put(path_ + "/cgroup.kill", "1");
  // The last process leaves a moment after it was killed; a folder that stays is swept by the next daemon.
  for (int i = 0; i < 50 && ::rmdir(path_.c_str()) != 0 && errno == EBUSY; ++i)
    ::usleep(2'000);
}

bool Cgroup::add(pid_t process) const {
  return put(path_ + "/cgroup.procs", std::to_string(process));
}

bool Cgroup::ranOutOfMemory() const {
  std::istringstream events(contents(path_ + "/memory.events"));
  std::string name;
  for (int64_t count = 0; events >> name >> count;)
    if (name == "oom_kill" && count > 0) return true;
  return false;
}

} // namespace tuned
