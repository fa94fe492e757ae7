// One tuning from its job to what it leaves in the store.
#pragma once

#include "daemon/service/devices.h"
#include "daemon/service/jobs/executor.h"
#include "daemon/service/jobs/jobs.h"
#include "daemon/service/kernels.h"
#include "daemon/service/metrics.h"
#include "daemon/store/store.h"
#include "tuner/search/tuner.h"

namespace tuned {

/// The processes that work for one device, and the gate to the cores they share.
struct Crew {
  WorkerPool* compilers = nullptr;
  WorkerPool* device = nullptr;
  CoreGate* gate = nullptr;
  WorkerLimits limits;
  DeviceWatch* watch = nullptr;
  double quietSeconds = 0;
  std::optional<double> tuneSeconds = {}; ///< that no tuning takes more than
};

/// The problem as builder, executor and workers see it.
Problem problemOf(const store::ProblemKey& key, const KnownKernel& kernel, const Sizes& sizes,
                  const KnownDevice& device, const std::string& owner = {});

/// Only the configurations listed, as one more constraint; InvalidInput when one names an unknown parameter.
Result<Kernel> restricted(const Kernel& kernel, const std::vector<protocol::Values>& only);

/// What to build for any address, the most promising first: the winner's configuration, that of the best by
/// the target's own compiler, and the default.
std::vector<Configuration> anyAddressConfigurations(store::Store& store, const store::ProblemKey& problem,
                                                    const Kernel& kernel, const Sizes& sizes);

/// Launch options that the device's compilers do not see: the CPU has no warps.
std::set<std::string> ignoredOn(const KnownDevice& device);

/// Runs a job to its end: every trial is stored before it is announced, and what was found before the job is
/// done. A job stopped because the daemon ends (`ending` gives true) stays unfinished, in memory and in the
/// store.
class Tuning {
public:
  /// The answer that the store gives now to what the job asked.
  using Tell = std::function<Result<protocol::Answer>(const Job&)>;
  /// Forgets what was remembered of the job's kernel: before anybody is told that it has ended.
  using Forget = std::function<void(const Job&)>;
  /// Whether a job whose device cannot be used is another's now.
  using Moved = std::function<bool(Job&)>;
  Tuning(store::Store& store, Metrics& metrics, std::function<bool()> ending, Tell tell, Forget forget,
         Moved moved)
      : store_(store), metrics_(metrics), ending_(std::move(ending)), tell_(std::move(tell)),
        forget_(std::move(forget)), moved_(std::move(moved)) {}

  void run(Job& job, const KnownKernel& kernel, const KnownDevice& device, const Crew& crew);

private:
  friend class OneTuning;
  void end(Job& job, JobState state, std::optional<protocol::Answer> answer, std::optional<Error> error);

  store::Store& store_;
  Metrics& metrics_;
  std::function<bool()> ending_;
  Tell tell_;
  Forget forget_;
  Moved moved_;
};

} // namespace tuned
