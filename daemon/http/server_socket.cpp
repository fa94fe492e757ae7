#include "daemon/http/server_socket.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace tuned {

namespace {

std::unexpected<Error> system(const std::string& doing, const std::string& remedy = {}) {
  ErrorKind kind =
      errno == EACCES || errno == EPERM || errno == EROFS ? ErrorKind::Denied : ErrorKind::Unavailable;
  return fail(kind, doing + ": " + std::strerror(errno), remedy);
}

/// The file's mode, and its group when one is named.
Result<void> setPermissions(const std::string& path, const std::string& groupName) {
  if (groupName.empty()) return {};
  const group* entry = ::getgrnam(groupName.c_str());
  if (!entry)
    return fail(ErrorKind::InvalidInput, "there is no group '" + groupName + "'",
                "create it, or leave out --group");
  if (::chown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0 || ::chmod(path.c_str(), 0660) != 0)
    return system("cannot give " + path + " to group " + groupName,
                  "run as root or as a member of the group");
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
  const std::string& path = options.socket;
  std::error_code error;
  auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error)
    return fail(ErrorKind::Denied,
                "cannot create the socket's folder " + folder.string() + ": " + error.message(),
                "choose another place with --socket");
  auto lock = store::FileLock::take(path + ".lock", "the socket " + path);
  if (!lock) return fail(lock.error());
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      return fail(ErrorKind::InvalidInput, path + " exists and is not a socket",
                  "choose another place with --socket");
    ::unlink(path.c_str());
  }
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
  if (auto set = setPermissions(path, options.group); !set) return failed(set);
  if (::listen(descriptor, 128) != 0) return failed(system("cannot listen on " + path));
  return ListeningSocket{descriptor, SocketFile(path, std::move(*lock))};
}

Result<Peer> admit(int connection, const Options& options) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return system("SO_PEERCRED");
  if (credentials.uid != ::geteuid() && credentials.uid != 0 && options.group.empty())
    return fail(ErrorKind::Denied, "user " + std::to_string(credentials.uid) + " may not use this daemon",
                "start it with --group and join that group");
  return Peer{credentials.pid, credentials.uid};
}

} // namespace tuned
