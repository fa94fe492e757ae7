// One tuning from its job to its winner in the store.
#pragma once

#include "daemon/service/devices.h"
#include "daemon/service/executor.h"
#include "daemon/service/jobs.h"
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
};

/// The problem as executor and workers see it.
Problem problemOf(const store::ProblemKey& key, const std::string& document, const Sizes& sizes,
                  const KnownDevice& device);

/// Only the configurations listed, as one more constraint; InvalidInput when one names an unknown parameter.
Result<Kernel> restricted(const Kernel& kernel, const std::vector<protocol::Values>& only);

/// Launch options that the device's compiler does not see: the CPU has no warps.
std::set<std::string> ignoredOn(const std::string& device);

/// Runs a job to its end: every trial is stored before it is announced, winner and artefact before the job is
/// done. A job stopped because the daemon ends (`ending` gives true) stays unfinished, in memory and in the
/// store.
class Tuning {
public:
  Tuning(store::Store& store, Metrics& metrics, std::function<bool()> ending)
      : store_(store), metrics_(metrics), ending_(std::move(ending)) {}

  void run(Job& job, const std::string& document, const KnownDevice& device, const Crew& crew);

private:
  Result<std::vector<Trial>> known(Job& job, const KnownDevice& device);
  void end(Job& job, JobState state, std::optional<protocol::Answer> answer, std::optional<Error> error);
  Result<protocol::Answer> keepWinner(const Job& job, const TuneResult& result, const KnownDevice& device);

  store::Store& store_;
  Metrics& metrics_;
  std::function<bool()> ending_;
};

} // namespace tuned
