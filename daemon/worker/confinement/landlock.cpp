#include "daemon/worker/confinement/landlock.h"

#include <cstdint>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tuned {

namespace {

// Rights of later kernels, by the number of the interface that brought them: Debian 12's headers know the
// first.
constexpr uint64_t firstRights = (uint64_t{1} << 13) - 1;
constexpr uint64_t refer = uint64_t{1} << 13, truncate = uint64_t{1} << 14, ioctlDevice = uint64_t{1} << 15;
constexpr uint64_t bindTcp = 1, connectTcp = 2, scopeAbstractSockets = 1, scopeSignals = 2;

/// linux/landlock.h of 6.12.
struct Attributes {
  uint64_t files = 0, network = 0, scoped = 0;
};

constexpr uint64_t execute = LANDLOCK_ACCESS_FS_EXECUTE;
constexpr uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t makeDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
/// Rights that mean something for a file; the kernel refuses the others on one.
constexpr uint64_t ofFiles =
    execute | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | truncate | ioctlDevice;

class Ruleset {
public:
  explicit Ruleset(int version) {
    handled_.files = firstRights | (version >= 2 ? refer : 0) | (version >= 3 ? truncate : 0) |
                     (version >= 5 ? ioctlDevice : 0);
    if (version >= 4) handled_.network = bindTcp | connectTcp;
    if (version >= 6) handled_.scoped = scopeAbstractSockets | scopeSignals;
    const size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    descriptor_ = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled_, size, 0));
  }
  ~Ruleset() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Ruleset(const Ruleset&) = delete;

  void allow(const std::vector<std::string>& paths, uint64_t rights) const {
    for (const std::string& path : paths) {
      const int opened = ::open(path.c_str(), O_PATH | O_CLOEXEC);
      if (opened < 0) continue;
      struct stat status {};
      uint64_t given = rights & handled_.files;
      if (::fstat(opened, &status) == 0 && !S_ISDIR(status.st_mode)) given &= ofFiles;
      landlock_path_beneath_attr rule{given, opened};
      ::syscall(SYS_landlock_add_rule, descriptor_, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
      ::close(opened);
    }
  }
  /// Needs PR_SET_NO_NEW_PRIVS.
  bool enforce() const { return ::syscall(SYS_landlock_restrict_self, descriptor_, 0) == 0; }

private:
  Attributes handled_;
  int descriptor_ = -1;
};

} // namespace

bool restrictFiles(const ReachableFiles& reachable) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  const Ruleset rules(static_cast<int>(version));
  rules.allow(reachable.readable, read);
  rules.allow(reachable.executable, read | execute);
  rules.allow(reachable.writable, ~makeDevices);
  rules.allow(reachable.devices, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ioctlDevice);
  return rules.enforce();
}

} // namespace tuned
