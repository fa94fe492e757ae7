#include "daemon/store/file/folder.h"

#include "base/durable_file.h"
#include "base/private_files.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

namespace tuned::store {

Result<FileLock> FileLock::take(const std::string& path, const std::string& purpose) {
  auto opened = openPrivateFile(path, PrivateFileUse::ReadWrite);
  if (!opened) return fail(opened.error());
  const int descriptor = *opened;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    ssize_t got = ::pread(descriptor, holder, sizeof holder - 1, 0);
    ::close(descriptor);
    return fail(ErrorKind::Unavailable,
                purpose + " is in use by another daemon" +
                    (got > 0 ? " (process " + std::string(holder) + ")" : ""),
                "stop that daemon, or give this one its own --cache and --socket");
  }
  std::string self = std::to_string(::getpid());
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, self.data(), self.size(), 0) < 0) {
    // The process id is a courtesy to whoever meets the lock; a full disk must not stop the daemon here.
  }
  return FileLock(descriptor);
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

const char* networkFileSystem(long magic) {
  switch (static_cast<unsigned long>(magic) & 0xffffffffUL) {
  case 0x6969:
    return "NFS";
  case 0x517b:
    return "SMB";
  case 0xff534d42:
    return "CIFS";
  case 0xfe534d42:
    return "SMB2";
  case 0x0bd00bd0:
    return "Lustre";
  case 0x47504653:
    return "GPFS";
  case 0x5346414f:
    return "AFS";
  case 0x73757245:
    return "Coda";
  case 0x00c36400:
    return "Ceph";
  case 0x19830326:
    return "BeeGFS";
  case 0x7461636f:
    return "OCFS2";
  case 0x01161970:
    return "GFS2";
  default:
    return nullptr;
  }
}

Result<void> prepareFolder(const std::string& folder) {
  if (auto made = makeFolder(folder, 0700); !made) {
    Error error = made.error();
    error.message = "the cache: " + error.message;
    error.remedy += " with --cache";
    return fail(error);
  }
  struct statfs information {};
  if (::statfs(folder.c_str(), &information) == 0)
    if (const char* network = networkFileSystem(information.f_type))
      return fail(ErrorKind::Unsupported,
                  "the cache folder " + folder + " is on a network file system (" + network +
                      "), where SQLite's locks and write-ahead log are not reliable",
                  "choose a folder on a local disk with --cache");
  if (::faccessat(AT_FDCWD, folder.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
    return fail(ErrorKind::Denied, "cannot write to the cache folder " + folder + ": " + std::strerror(errno),
                "make it writable for this user, or choose another one with --cache");
  return checkPrivateFolder(folder);
}

bool writable(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

std::string nameAside(const std::string& path) {
  std::string base = path + ".corrupt-" + std::to_string(std::time(nullptr)), name = base;
  for (int n = 1; std::filesystem::exists(name); ++n)
    name = base + "-" + std::to_string(n);
  return name;
}

Result<void> takePlace(const std::string& fresh, const std::string& path, const std::string& aside) {
  const auto failed = [&] {
    return fail(ErrorKind::Denied,
                "cannot set the damaged cache aside: " + path + ": " + std::strerror(errno),
                "move the file away by hand");
  };
  // A log that stayed here would be read as the new file's.
  for (const char* suffix : {"-wal", "-shm"})
    if (::rename((path + suffix).c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) return failed();
  // Where the file system has no second names there is a moment without a file.
  if (::link(path.c_str(), aside.c_str()) != 0 && ::rename(path.c_str(), aside.c_str()) != 0) return failed();
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed();
  syncFolder(std::filesystem::path(path).parent_path());
  return {};
}

} // namespace tuned::store
