// Builds: from the store where they are there, else compiled in the pool's processes and kept.
#pragma once

#include "daemon/service/jobs/same_code.h"
#include "daemon/service/metrics.h"
#include "daemon/store/store.h"
#include "daemon/worker_pool/pool.h"
#include "ir/kernel/kernel.h"
#include "tuner/search/executor.h"

#include <chrono>
#include <functional>
#include <optional>
#include <shared_mutex>
#include <stop_token>

namespace tuned {

/// What a variant's compilation and measurement are about; all variants of one problem share it.
struct Problem {
  std::string id;       ///< names the problem in the crash ledger: kernel, sizes and target
  std::string kernel;   ///< id
  std::string document; ///< the kernel, its source inlined
  Sizes sizes;
  std::string device;
  std::string compileTarget;       ///< what is compiled for; it may be a kind, such as "cpu"
  std::string toolchain;           ///< toolchainId() of what compiles
  bool exclusive = false;          ///< timing the device needs the cores alone (Capabilities)
  std::vector<Argument> arguments; ///< what every build of the problem is launched with
  std::string owner = {};          ///< whose code it is (codeOwner): that of two shares no process
  std::string loads = {};          ///< target of the binaries that the device loads, as their builds name it
};

/// Compiling needs the CPU's cores shared, measuring on the CPU needs them alone.
using CoreGate = std::shared_timed_mutex;

/// Whether a build is not to be made which needs so many registers a thread, by what is live in it
/// (Lowered); asked from any thread.
using Leave = std::function<bool(int64_t registers)>;

/// A failure that would come again; a crash or a deadline may have been the machine's.
bool lasting(const Build& build);

/// Calls are safe from any thread.
class Builder {
public:
  /// `patience`: how long a build waits for a measurement that has the cores; then it is made beside it.
  Builder(store::Store& store, Metrics& metrics, WorkerPool& compilers, CoreGate& gate, double compileSeconds,
          std::optional<std::chrono::milliseconds> patience = {})
      : store_(store), metrics_(metrics), compilers_(compilers), gate_(gate), compileSeconds_(compileSeconds),
        patience_(patience) {}

  struct Made {
    int64_t id = 0;                           ///< in the store; 0 where it cannot be kept
    Build build;                              ///< a failure is a build, too
    std::shared_ptr<const Artefact> artefact; ///< null when it failed
    bool known = false;                       ///< it was in the store
    bool shared = false;                      ///< another configuration's code is its own, too
    std::optional<int64_t> left = {};         ///< not made, as it needs so many registers; kept by nobody
  };
  /// Blocks. `anew`: what the store has does not count. Errors are never the variant's: Denied, `stop` was
  /// requested; else what keeps any build from being made or kept. Without `leave` every build is made. One
  /// builder's builds are of one problem, unless none is made twice.
  Result<Made> make(const Problem& problem, const Configuration& configuration, bool anew,
                    const std::stop_token& stop = {}, const Leave& leave = {});
  /// From a build that is stored. NotFound: its binary was collected or damaged.
  Result<Made> load(const store::BuildRecord& record);
  int slots() const { return compilers_.slots(); }

private:
  store::Store& store_;
  Metrics& metrics_;
  WorkerPool& compilers_;
  CoreGate& gate_;
  const double compileSeconds_;
  const std::optional<std::chrono::milliseconds> patience_;
  SameCode same_;
};

/// Any of a build's outcomes as the search sees it; the build must be a failure.
Outcome failureOf(const Build& build);

} // namespace tuned
