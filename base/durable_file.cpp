#include "base/durable_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace tuned {
namespace {

/// 0, or errno.
int writeAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

std::string folderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

} // namespace

void syncFolder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

std::unexpected<Error> fileError(const std::string& what, int number) {
  const std::string message = what + ": " + std::strerror(number);
  if (number == ENOSPC || number == EDQUOT)
    return fail(ErrorKind::OutOfResources, message,
                "free disk space or inodes, or choose a folder on another disk");
  if (number == EACCES || number == EPERM || number == EROFS)
    return fail(ErrorKind::Denied, message, "let this process's user write there");
  if (number == ENOENT || number == ENOTDIR)
    return fail(ErrorKind::NotFound, message, "make the folder first, or name another");
  return fail(ErrorKind::Unavailable, message, "look at the path and at the disk that holds it");
}

Result<void> replaceFile(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string folder = folderOf(path), name = path.substr(path.rfind('/') + 1);
  // Hidden, so that what a killed process leaves is taken for nothing; its number keeps two processes apart.
  const std::string fresh = folder + "." + name + ".new-" + std::to_string(::getpid());
  ::unlink(fresh.c_str()); // a killed process of this number may have left one, or another user made one
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (file < 0) return fileError("writing " + path, errno);
  int error = writeAll(file, bytes);
  ::close(file);
  if (error == 0 && ::rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(fresh.c_str());
    return fileError("writing " + path, error);
  }
  syncFolder(folder);
  return {};
}

} // namespace tuned
