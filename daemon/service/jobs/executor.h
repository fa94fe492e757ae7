// The tuner's hands: compiles in the pool's processes and measures in the device's.
//
// Concurrency: compile threads take configurations from a queue and put results into another; the tuner's
// thread reads them. While a CPU device is measured its gate is held alone, so that no compilation of ours
// shares its cores.
#pragma once

#include "daemon/service/jobs/builder.h"
#include "daemon/service/jobs/watch.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace tuned {

struct WorkerLimits {
  double compileSeconds = 60, measureSeconds = 60;
};

class WorkerExecutor : public Executor {
public:
  /// `anew`: builds that the store has do not count. `energy`: it is measured, too; a device that does not
  /// count it ends the search (broken).
  WorkerExecutor(Builder& builder, WorkerPool& device, CoreGate& gate, Problem problem, WorkerLimits limits,
                 bool anew, bool energy, std::stop_source stop);
  ~WorkerExecutor() override;

  /// Before anything else: pauses are obeyed, and what is measured while others use the device is measured
  /// again, after waiting for them, or marked; all waiting of one search together takes at most
  /// `quietSeconds`. `waiting` is told why it waits, and an empty text when it goes on; from any thread.
  using Waiting = std::function<void(const std::string&)>;
  void attend(DeviceWatch& watch, double quietSeconds, Waiting waiting);

  bool exclusive() const override { return problem_.exclusive; }
  int compileSlots() const override { return builder_.slots(); }
  void prepare() override;
  void compile(std::span<const Configuration> configurations) override;
  std::optional<Compiled> nextCompiled(std::chrono::milliseconds patience) override;
  void passOver(PassOver which) override;
  Measured measure(const MeasureRequest& request) override;
  Measured judge(const MeasureRequest& request) override;
  std::vector<Measured> duel(std::span<const MeasureRequest> requests) override;
  void cancel() override;
  /// What keeps every variant from being tried (no worker can be started, the device is gone, the disk is
  /// full); the search was stopped then.
  std::optional<Error> broken() const;

  /// Makes a build of somebody else known by its number, so that what is measured of it can be kept.
  void introduce(const Configuration& configuration, const std::string& origin, int64_t build);
  /// The number of a trial's build in the store; 0: none.
  int64_t buildOf(const Configuration& configuration, const std::string& origin) const;

private:
  void compileLoop();
  Measured measuredIn(const Result<nlohmann::json>& answer, std::chrono::steady_clock::time_point start,
                      bool withTime);
  void addPrepared(PhaseSeconds& phases, double elapsed);
  void note(const Error& error);
  void waitWhilePaused();
  bool waitForQuiet(const std::string& why);
  std::string disturbanceIn(const nlohmann::json& answer);
  Result<nlohmann::json> callUndisturbed(const char* op, const std::string& key,
                                         std::span<const MeasureRequest> requests, double seconds,
                                         std::string& disturbed);
  bool deviceIsGone();
  Result<nlohmann::json> callDevice(const char* op, const std::string& key,
                                    std::span<const MeasureRequest> requests, double seconds);

  Builder& builder_;
  WorkerPool& device_;
  CoreGate& gate_;
  const Problem problem_;
  const WorkerLimits limits_;
  const bool anew_, energy_;
  std::stop_source stop_; ///< the search's own
  DeviceWatch* watch_ = nullptr;
  double quietLeft_ = 0; ///< of what the search may wait for quiet; of the measuring thread
  Waiting tellWaiting_;
  mutable std::mutex mutex_; ///< guards all but the threads
  std::optional<Error> broken_;
  PhaseSeconds prepared_; ///< what the preparation took, until a measurement has told of it
  std::condition_variable_any queued_, ready_;
  std::deque<Configuration> waiting_;
  std::deque<Compiled> compiled_;
  PassOver passOver_;
  std::map<std::pair<Configuration, std::string>, int64_t> builds_;
  std::vector<std::jthread> threads_;
};

} // namespace tuned
