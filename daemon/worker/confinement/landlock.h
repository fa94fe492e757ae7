// Landlock (Linux 5.13): what of the file system and the network a process and its children may reach.
#pragma once

#include <string>
#include <vector>

namespace tuned {

struct ReachableFiles {
  std::vector<std::string>
      readable; ///< files and folders with all below them; those that are not there are skipped
  std::vector<std::string> executable; ///< readable too
  std::vector<std::string> writable;   ///< anything may be done in them but making devices
  std::vector<std::string> devices;    ///< opened for reading, writing and ioctl
};

/// Everything else cannot be opened from now on, no TCP port can be reached, and (Linux 6.12) no process or
/// abstract socket outside. False: this kernel has no Landlock.
bool restrictFiles(const ReachableFiles& reachable);

} // namespace tuned
