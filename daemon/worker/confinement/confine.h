// What a worker gives up before it looks at anything that a client sent: privileges, the network, other
// processes, and all of the file system that its work does not need.
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned {

/// What a worker is there for.
enum class Duty {
  Compile,    ///< reads toolchains, runs assemblers as child processes, writes to its own folder
  MeasureCpu, ///< runs a client's native code on this machine's cores
  MeasureGpu, ///< talks to a GPU's driver
  Discover,   ///< asks the driver for devices and assemblers for their versions; meets nothing of a client's
};

/// What was put in place. A kernel, a container or a policy may lack any of them.
struct Confinement {
  bool namespaces =
      false;          ///< no network, no other processes' IPC, a file system of its own for temporary files
  bool files = false; ///< Landlock: the rest of the file system cannot be opened
  bool calls = false; ///< seccomp: system calls that the work does not need fail
  /// "namespaces, files": what is missing; empty: nothing.
  std::string missing() const;
};

struct ConfineRequest {
  Duty duty = Duty::Compile;
  std::string folder;                ///< the worker's own: the only place it may write to; empty: none
  std::vector<std::string> readable; ///< besides /usr, /opt, /etc's linker files and the program's own folder
};

/// confine() with the folder that TMPDIR names, and `readable` besides what every worker may read.
/// GPU_TUNED_ISOLATION=off leaves the process as it is, for debuggers and profilers. Says on standard error
/// what this machine lacks; false: what it said keeps the worker from serving.
bool enterConfinement(Duty duty, const std::vector<std::string>& readable = {});

/// Called while the process has one thread, before it reads a request. New privileges and capabilities are
/// gone for certain when it returns; the rest as far as the machine lets it. Denied: they could not be
/// dropped.
Result<Confinement> confine(const ConfineRequest& request);

/// The second step of a worker that runs native code: once its device is open it needs no file any more. All
/// threads are held to it.
Result<void> closeFiles();

} // namespace tuned
