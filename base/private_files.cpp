#include "base/private_files.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace tuned {

namespace {

constexpr mode_t othersWrite = S_IWGRP | S_IWOTH;

std::string owner(uid_t user) {
  return "user " + std::to_string(user);
}

Result<void> checkOwn(const struct stat& status, const std::string& path) {
  if (S_ISLNK(status.st_mode))
    return fail(ErrorKind::Denied, path + " is a symbolic link", "remove it, or choose another place");
  if (!S_ISREG(status.st_mode))
    return fail(ErrorKind::Denied, path + " is not a regular file", "remove it, or choose another place");
  if (status.st_uid != ::geteuid())
    return fail(ErrorKind::Denied, path + " belongs to " + owner(status.st_uid),
                "have it removed, or choose another place");
  if (status.st_mode & othersWrite)
    return fail(ErrorKind::Denied, "others may write to " + path, "chmod go-w " + path);
  return {};
}

Result<void> checkFile(int descriptor, const std::string& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    return fail(ErrorKind::Denied, "cannot look at " + path + ": " + std::strerror(errno));
  if (auto own = checkOwn(status, path); !own) return own;
  if (status.st_nlink != 1)
    return fail(ErrorKind::Denied, path + " has a second name elsewhere",
                "remove it, or choose another place");
  return {};
}

} // namespace

Result<int> openPrivateFile(const std::string& path, PrivateFileUse use) {
  const int how = use == PrivateFileUse::Append ? O_WRONLY | O_APPEND : O_RDWR;
  // Without waiting: opening a pipe that somebody put there would.
  const int descriptor =
      ::open(path.c_str(), how | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  if (descriptor < 0)
    return fail(
        errno == ENOSPC || errno == EDQUOT ? ErrorKind::OutOfResources : ErrorKind::Denied,
        "cannot open " + path + ": " + (errno == ELOOP ? "it is a symbolic link" : std::strerror(errno)),
        errno == ELOOP ? "remove it, or choose another place" : "make its folder writable for this user");
  if (auto sound = checkFile(descriptor, path); !sound) {
    ::close(descriptor);
    return fail(sound.error());
  }
  return descriptor;
}

Result<void> checkPrivateFile(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return checkOwn(status, path);
  if (errno == ENOENT) return {};
  return fail(ErrorKind::Denied, "cannot look at " + path + ": " + std::strerror(errno));
}

Result<void> makeFolder(const std::string& path, unsigned mode) {
  std::error_code error;
  const std::filesystem::path folder(path);
  if (std::filesystem::is_directory(folder, error)) return {};
  if (folder.has_parent_path() && folder.parent_path() != folder)
    if (auto made = makeFolder(folder.parent_path().string(), mode); !made) return made;
  if (::mkdir(path.c_str(), 0700) == 0) {
    if (mode != 0700 && ::chmod(path.c_str(), mode) != 0)
      return fail(ErrorKind::Denied, "cannot set the mode of " + path + ": " + std::strerror(errno));
    return {};
  }
  if (errno == EEXIST && std::filesystem::is_directory(folder, error)) return {};
  if (errno == EEXIST || errno == ENOTDIR)
    return fail(ErrorKind::InvalidInput, path + " is not a folder", "choose another place");
  return fail(errno == ENOSPC || errno == EDQUOT ? ErrorKind::OutOfResources : ErrorKind::Denied,
              "cannot create the folder " + path + ": " + std::strerror(errno),
              "create it for this user, or choose another place");
}

Result<void> checkPrivateFolder(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return fail(ErrorKind::Denied, "cannot look at the folder " + path + ": " + std::strerror(errno));
  if (status.st_uid != ::geteuid())
    return fail(ErrorKind::Denied, "the folder " + path + " belongs to " + owner(status.st_uid),
                "choose another one, or give it to " + owner(::geteuid()));
  if (status.st_mode & othersWrite)
    return fail(ErrorKind::Denied,
                "others may write to the folder " + path + ", so that nothing in it can be trusted",
                "chmod go-w " + path + ", if you trust what is there");
  std::error_code error;
  const std::string parent = std::filesystem::canonical(path, error).parent_path().string();
  if (!error && ::stat(parent.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) &&
      !(status.st_mode & S_ISVTX))
    return fail(ErrorKind::Denied,
                "others may write to " + parent + " and put another folder in the place of " + path,
                "chmod o-w " + parent + ", or choose another place");
  return {};
}

} // namespace tuned
