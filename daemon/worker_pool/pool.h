// Worker processes of one kind. A call takes an idle one (starting it when needed), and replaces what died.
#pragma once

#include "daemon/worker_pool/process.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace tuned {

/// What crashed workers, and how often. Three crashes on one key and the key is refused.
class CrashLedger {
public:
  using Clock = std::chrono::steady_clock;
  static constexpr int limit = 3;
  /// A key is forgotten so long after its last crash; of more keys, or more bytes of them, those whose last
  /// crash is longest ago.
  static constexpr std::chrono::hours keptFor{24};
  static constexpr size_t mostKeys = 4096, mostBytes = size_t{4} << 20;
  /// Counts a crash; gives how many there are now.
  int add(const std::string& key, const std::string& how, Clock::time_point now = Clock::now());
  /// Refusal with the reason, once the limit is reached.
  std::optional<Error> refusal(const std::string& key, Clock::time_point now = Clock::now()) const;
  void forget(const std::string& keyPrefix);
  size_t keys() const;
  size_t bytes() const;

private:
  struct Entry {
    int count = 0;
    std::string last;
    Clock::time_point at;
  };
  using Entries = std::map<std::string, Entry>;
  void drop(Entries::iterator entry);
  void makeRoom(Clock::time_point now);
  mutable std::mutex mutex_; ///< guards all below
  Entries entries_;
  std::multimap<Clock::time_point, std::string> byAge_;
  size_t bytes_ = 0; ///< of keys and what is said of them
};

struct PoolOptions {
  WorkerCommand command;
  int slots = 1;
  /// Crashes are tried again on a fresh worker up to the ledger's limit. When false only the end by a signal
  /// from outside is: a kernel that faulted will fault again, and its device context is not to be trusted.
  bool retryCrashes = true;
  /// A worker serves one owner only: what one's code left in a process, which it may have taken over, is not
  /// there for the next. Whoever comes gets a worker of their own, a fresh one, or one in place of the
  /// stranger that has been idle longest.
  bool perOwner = false;
};

class WorkerPool {
public:
  explicit WorkerPool(PoolOptions options) : options_(std::move(options)) {}
  ~WorkerPool();

  /// Blocks for an idle worker, then for the answer's "ok". `key` names the work in the ledger.
  /// `owner`: whose work it is (PoolOptions::perOwner). TimedOut: the worker was killed after `seconds`.
  /// Faulted: it crashed. Denied: `stop` was requested, or the key is refused. Unavailable: workers were
  /// ended from outside again and again. Any other error is what the worker answered. `answering`: of
  /// questions that it has meanwhile; it may be asked again by a worker that takes a crashed one's place.
  Result<nlohmann::json> call(const std::string& key, const nlohmann::json& request, double seconds,
                              std::stop_token stop = {}, const std::string& owner = {},
                              const Answering& answering = {});
  /// Starts as many workers as there may be, so that the next calls do not wait for that. Comes back when the
  /// first is started; `request`, if it is not null, is what each is to get ready for.
  Result<void> wake(const nlohmann::json& request);
  Result<void> wake();
  /// Ends idle workers, to give their memory back.
  void release();
  /// Stops every call, now and later: the daemon ends.
  void close();
  /// Whether close() was called: then what is Denied says nothing about the work.
  bool closed() const { return closing_.stop_requested(); }
  /// The next call starts a fresh worker: the idle ones are no longer trusted.
  void discard() { release(); }

  int slots() const { return options_.slots; }
  int running() const;
  /// Those of the running that wait for work: woken ones as soon as they are ready.
  int idle() const;
  uint64_t crashes() const { return crashes_; }
  uint64_t timeouts() const { return timeouts_; }
  CrashLedger& ledger() { return ledger_; }

private:
  Result<std::unique_ptr<WorkerProcess>> acquire(const std::stop_token& stop, const std::string& owner);
  struct Taken;
  Taken takeFree(const std::string& owner);
  void giveBack(std::unique_ptr<WorkerProcess> worker);
  void startOthers(std::unique_ptr<WorkerProcess> first, int others, const nlohmann::json& request);

  PoolOptions options_;
  std::stop_source closing_;
  CrashLedger ledger_;
  std::atomic<uint64_t> crashes_ = 0, timeouts_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable_any idle_;
  std::vector<std::unique_ptr<WorkerProcess>> free_; ///< idle longest first
  int busy_ = 0;                                     ///< those that are being woken, too
  std::jthread waking_;                              ///< last: it uses all of the above
};

} // namespace tuned
