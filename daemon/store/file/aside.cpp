#include "daemon/store/file/aside.h"

#include "base/durable_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace tuned::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* infix = ".corrupt-";
constexpr const char* parts[] = {"", "-wal", "-shm"};

/// One damaged file, with what belongs to it.
struct Aside {
  std::string path;
  int64_t seconds = 0, number = 0; ///< of its name
  int64_t bytes = 0;

  bool olderThan(const Aside& other) const {
    return std::tie(seconds, number) < std::tie(other.seconds, other.number);
  }
};

/// Nothing: no name that nameAside() gives.
std::optional<Aside> asideNamed(const fs::path& entry, const std::string& prefix) {
  const std::string name = entry.filename().string();
  if (!name.starts_with(prefix)) return std::nullopt;
  Aside out{entry.string()};
  const char *at = name.data() + prefix.size(), *end = name.data() + name.size();
  auto read = std::from_chars(at, end, out.seconds);
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == '-')
    read = std::from_chars(read.ptr + 1, end, out.number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  for (const char* part : parts) {
    struct stat file {};
    if (::lstat((out.path + part).c_str(), &file) == 0) out.bytes += file.st_size;
  }
  return out;
}

/// What was set aside of the cache at `path`, the oldest first.
std::vector<Aside> asidesOf(const std::string& path) {
  std::vector<Aside> all;
  std::error_code error;
  const std::string prefix = fs::path(path).filename().string() + infix;
  for (auto it = fs::directory_iterator(fs::path(path).parent_path(), error);
       !error && it != fs::directory_iterator(); it.increment(error))
    if (auto one = asideNamed(it->path(), prefix)) all.push_back(std::move(*one));
  std::ranges::sort(all, [](const Aside& a, const Aside& b) { return a.olderThan(b); });
  return all;
}

} // namespace

std::string nameAside(const std::string& path) {
  int64_t seconds = std::time(nullptr), number = 0;
  // Behind all that are there, whatever the clock says: several may fall into one second, the first of which
  // may have gone, and clocks are set back.
  if (const auto all = asidesOf(path); !all.empty() && all.back().seconds >= seconds) {
    seconds = all.back().seconds;
    number = all.back().number + 1;
  }
  std::string name = path + infix + std::to_string(seconds);
  if (number > 0) name += "-" + std::to_string(number);
  return name;
}

Result<void> takePlace(const std::string& fresh, const std::string& path, const std::string& aside) {
  const auto failed = [&] {
    return fail(ErrorKind::Denied,
                "cannot set the damaged cache aside: " + path + ": " + std::strerror(errno),
                "move the file away by hand");
  };
  // A log that stayed here would be read as the new file's.
  for (const char* part : {"-wal", "-shm"})
    if (::rename((path + part).c_str(), (aside + part).c_str()) != 0 && errno != ENOENT) return failed();
  // Where the file system has no second names there is a moment without a file.
  if (::link(path.c_str(), aside.c_str()) != 0 && ::rename(path.c_str(), aside.c_str()) != 0) return failed();
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed();
  syncFolder(fs::path(path).parent_path());
  return {};
}

std::vector<std::string> limitAside(const std::string& path, const std::string& newest,
                                    const AsideLimits& limits) {
  const std::vector<Aside> all = asidesOf(path);
  int64_t bytes = 0;
  for (const Aside& one : all)
    bytes += one.bytes;
  std::vector<std::string> gone;
  size_t files = all.size();
  for (const Aside& one : all) {
    if (files <= limits.files && bytes <= limits.bytes) break;
    if (one.path == newest) continue;
    for (const char* part : parts)
      ::unlink((one.path + part).c_str());
    --files;
    bytes -= one.bytes;
    gone.push_back(one.path);
  }
  return gone;
}

} // namespace tuned::store
