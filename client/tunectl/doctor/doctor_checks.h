// What `tunectl doctor` looks at, one function a subject.
#pragma once

#include "client/tunectl/verbs.h"

#include <string>
#include <vector>

namespace tuned::tunectl {

struct Finding {
  std::string subject;
  std::string state; ///< "ok", "warning" or "error"
  std::string found;
  std::string remedy; ///< empty: nothing to do
};

using Findings = std::vector<Finding>;

Findings checkPrograms();
Findings checkGpu();
Findings checkLibraries();
/// NVIDIA's tools as the worker program finds them, and versions known to be wrong.
Findings checkTools();
Findings checkSocket(const std::string& socket);
Findings checkCache(const std::string& cache);
/// `cache` is set to the daemon's cache when one answers.
Findings checkDaemon(const Globals& globals, std::string& cache);

} // namespace tuned::tunectl
