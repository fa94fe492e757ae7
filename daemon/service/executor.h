// The tuner's hands: compiles in the pool's processes and measures in the device's.
//
// Concurrency: compile threads take configurations from a queue and put results into another; the tuner's
// thread reads them. While a CPU device is measured its gate is held alone, so that no compilation of ours
// shares its cores.
#pragma once

#include "daemon/worker_pool/pool.h"
#include "tuner/search/executor.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <shared_mutex>
#include <thread>

namespace tuned {

/// What a variant's compilation and measurement are about; all variants of one problem share it.
struct Problem {
  std::string id;       ///< names the problem in the crash ledger: kernel, sizes and target
  std::string document; ///< the kernel, its source inlined
  Sizes sizes;
  std::string device;
  std::string architecture; ///< compile target
  bool exclusive = false;   ///< the device is the CPU
  std::string owner = {};   ///< whose kernel it is: native code of two owners shares no process
};

/// Compiling needs the CPU's cores shared, measuring on the CPU needs them alone.
using CoreGate = std::shared_mutex;

struct WorkerLimits {
  double compileSeconds = 60, measureSeconds = 60;
};

/// One compilation in the pool; blocks. Unavailable: the machine is at fault and not the variant.
Result<std::shared_ptr<const Artefact>> compileVariant(WorkerPool& pool, CoreGate& gate,
                                                       const Problem& problem,
                                                       const Configuration& configuration,
                                                       const WorkerLimits& limits, std::stop_token stop = {});

class WorkerExecutor : public Executor {
public:
  WorkerExecutor(WorkerPool& compilers, WorkerPool& device, CoreGate& gate, Problem problem,
                 WorkerLimits limits, std::stop_source stop);
  ~WorkerExecutor() override;

  bool exclusive() const override { return problem_.exclusive; }
  int compileSlots() const override { return compilers_.slots(); }
  void compile(std::span<const Configuration> configurations) override;
  std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience) override;
  Measured measure(const MeasureRequest& request) override;
  std::vector<Measured> duel(std::span<const MeasureRequest> requests) override;
  void cancel() override;
  /// What keeps every variant from being tried (no worker can be started, the device is gone); the search was
  /// stopped then.
  std::optional<Error> broken() const;

private:
  void compileLoop();
  void note(const Error& error);
  Result<nlohmann::json> callDevice(const char* op, const std::string& key,
                                    std::span<const MeasureRequest> requests, double seconds);

  WorkerPool& compilers_;
  WorkerPool& device_;
  CoreGate& gate_;
  const Problem problem_;
  const WorkerLimits limits_;
  std::stop_source stop_;    ///< the search's own
  mutable std::mutex mutex_; ///< guards the queues and broken_
  std::optional<Error> broken_;
  std::condition_variable_any queued_, ready_;
  std::deque<Configuration> waiting_;
  std::deque<Compiled> compiled_;
  std::vector<std::jthread> threads_;
};

} // namespace tuned
