#include "daemon/http/server_socket.h"

#include "base/private_files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace tuned {

namespace {

/// Connections that the kernel holds until the loop takes them.
constexpr int waitingConnections = 4096;

std::unexpected<Error> system(const std::string& doing, const std::string& remedy = {}) {
  ErrorKind kind =
      errno == EACCES || errno == EPERM || errno == EROFS ? ErrorKind::Denied : ErrorKind::Unavailable;
  return fail(kind, doing + ": " + std::strerror(errno), remedy);
}

/// Who may connect, as far as the file's mode says it; identify() says the rest.
struct Access {
  mode_t mode = 0600;
  gid_t group = static_cast<gid_t>(-1); ///< -1: the file keeps its own
};

Result<gid_t> groupNamed(const std::string& name, const char* option) {
  if (const group* entry = ::getgrnam(name.c_str())) return entry->gr_gid;
  return fail(ErrorKind::InvalidInput, std::string(option) + ": there is no group '" + name + "'",
              "create it with groupadd, or leave out the option");
}

/// A file has one group: with two, or with everyone, it is open to all, and each connection is looked at.
Result<Access> accessFor(const Options& options) {
  Access out;
  for (auto [name, option] : {std::pair{&options.group, "group"}, {&options.submitGroup, "submit_group"}}) {
    if (name->empty()) continue;
    const bool first = out.mode == 0600;
    out.mode = first && *name != Options::everyone ? 0660 : 0666;
    if (*name == Options::everyone) continue;
    auto id = groupNamed(*name, option);
    if (!id) return fail(id.error());
    if (!first && out.group == *id) out.mode = 0660;
    out.group = *id;
  }
  return out;
}

Result<void> setPermissions(const std::string& path, const Access& access) {
  if (access.mode == 0660 && ::chown(path.c_str(), static_cast<uid_t>(-1), access.group) != 0)
    return system("cannot give " + path + " to group " + std::to_string(access.group),
                  "run as root or as a member of the group");
  if (::chmod(path.c_str(), access.mode) != 0) return system("cannot set the mode of " + path);
  return {};
}

/// Removes what an earlier daemon of this user has left under the socket's name.
Result<void> removeStale(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return fail(ErrorKind::InvalidInput, path + " exists and is not a socket",
                "choose another place with --socket");
  if (status.st_uid != ::geteuid() && ::geteuid() != 0)
    return fail(ErrorKind::Denied, path + " is a socket of user " + std::to_string(status.st_uid),
                "have it removed, or choose another place with --socket");
  if (::unlink(path.c_str()) != 0) return system("cannot remove the old socket " + path);
  return {};
}

/// A socket on which systemd listens for us (sd_listen_fds(3)), or -1.
int handedOver() {
  const char *process = std::getenv("LISTEN_PID"), *count = std::getenv("LISTEN_FDS");
  const bool ours = process && count && std::atol(process) == ::getpid() && std::atoi(count) >= 1;
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  if (!ours) return -1;
  constexpr int first = 3;
  ::fcntl(first, F_SETFD, FD_CLOEXEC);
  ::fcntl(first, F_SETFL, O_NONBLOCK);
  return first;
}

Result<void> prepareSocketFolder(const std::string& folder, bool shared) {
  if (folder.empty()) return {};
  auto made = makeFolder(folder, shared ? 0755 : 0700);
  if (!made)
    return fail(ErrorKind::Denied, "the socket: " + made.error().text(),
                "choose another place with --socket");
  struct stat status {};
  if (::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) && !(status.st_mode & S_ISVTX))
    return fail(ErrorKind::Denied,
                "others may write to the socket's folder " + folder + " and replace the socket",
                "chmod o-w " + folder + ", or choose another place with --socket");
  return {};
}

} // namespace

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

SocketFile::~SocketFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<ListeningSocket> listenOn(const Options& options) {
  auto access = accessFor(options); // before anything is made that would have to be taken back
  if (!access) return fail(access.error());
  if (const int ready = handedOver(); ready >= 0) return ListeningSocket{ready, SocketFile()};
  const std::string& path = options.socket;
  if (auto prepared =
          prepareSocketFolder(std::filesystem::path(path).parent_path().string(), access->mode != 0600);
      !prepared)
    return fail(prepared.error());
  auto lock = store::FileLock::take(path + ".lock", "the socket " + path);
  if (!lock) return fail(lock.error());
  if (auto removed = removeStale(path); !removed) return fail(removed.error());
  int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return system("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  // Nobody else may connect between bind and chmod.
  mode_t old = ::umask(0177);
  int bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(old);
  auto failed = [&](auto&& reason) -> Result<ListeningSocket> {
    Error kept = reason.error();
    ::close(descriptor);
    return fail(kept);
  };
  if (bound != 0) return failed(system("cannot bind " + path, "choose another place with --socket"));
  SocketFile file(path, std::move(*lock)); // removes it from here on, if the rest fails
  if (auto set = setPermissions(path, *access); !set) return failed(set);
  if (::listen(descriptor, waitingConnections) != 0) return failed(system("cannot listen on " + path));
  return ListeningSocket{descriptor, std::move(file)};
}

} // namespace tuned
