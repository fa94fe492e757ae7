// Compiling one build in the pool's processes, kept by nobody: for Builder, and for those who keep many at a
// time.
#pragma once

#include "daemon/service/jobs/builder.h"
#include "daemon/service/jobs/same_code.h"

namespace tuned {

struct CompileService {
  WorkerPool& compilers;
  CoreGate& gate;
  Metrics& metrics;
  double seconds;                                         ///< deadline of one build
  std::optional<std::chrono::milliseconds> patience = {}; ///< as of Builder
  SameCode* same = nullptr;                               ///< of the problem; null: every build is made
  std::function<void()> idle = {}; ///< called before it waits for what another makes: its core is free
};

/// Blocks. A failure is a build, too; errors are as Builder::make says. `leave`: as of Builder::make.
Result<Builder::Made> compileBuild(const CompileService& service, const Problem& problem,
                                   const Configuration& configuration, const std::stop_token& stop,
                                   const Leave& leave = {});

} // namespace tuned
