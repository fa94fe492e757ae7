#include "daemon/worker_pool/pool.h"

#include "daemon/worker/channel/messages.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
/// Workers of one call that may be ended by others before the call gives up.
constexpr int mostStrangers = 8;
/// Of what is kept of a crash: a part of it is a worker's word.
constexpr size_t longestReason = 512;
/// That a worker may take to get ready.
constexpr auto kReady = std::chrono::seconds(10);

/// Signals that a process gets from its surroundings, and that code which is wrong does not raise.
bool fromOutside(int signal) {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP ||
         signal == SIGQUIT || signal == SIGUSR1 || signal == SIGUSR2 || signal == SIGALRM;
}
} // namespace

/// Under the lock.
void CrashLedger::drop(Entries::iterator entry) {
  const auto [from, to] = byAge_.equal_range(entry->second.at);
  const auto its = std::find_if(from, to, [&](const auto& one) { return one.second == entry->first; });
  if (its != to) byAge_.erase(its);
  bytes_ -= entry->first.size() + entry->second.last.size();
  entries_.erase(entry);
}

/// Under the lock.
void CrashLedger::makeRoom(Clock::time_point now) {
  while (!byAge_.empty() &&
         (byAge_.size() > mostKeys || bytes_ > mostBytes || byAge_.begin()->first < now - keptFor))
    drop(entries_.find(byAge_.begin()->second));
}

int CrashLedger::add(const std::string& key, const std::string& how, Clock::time_point now) {
  const std::lock_guard guard(mutex_);
  makeRoom(now);
  int count = 1;
  if (auto known = entries_.find(key); known != entries_.end()) {
    count += known->second.count;
    drop(known);
  }
  const Entry entry{count, how.substr(0, longestReason), now};
  bytes_ += key.size() + entry.last.size();
  entries_.emplace(key, entry);
  byAge_.emplace(now, key);
  makeRoom(now);
  return count;
}

std::optional<Error> CrashLedger::refusal(const std::string& key, Clock::time_point now) const {
  const std::lock_guard guard(mutex_);
  auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.count < limit || entry->second.at < now - keptFor)
    return std::nullopt;
  return Error{ErrorKind::Denied,
               "refused: it crashed its worker " + std::to_string(entry->second.count) + " times (" +
                   entry->second.last + ")",
               std::nullopt,
               "tune with force to try again; else it is tried again " + std::to_string(keptFor.count()) +
                   " hours after its last crash"};
}

void CrashLedger::forget(const std::string& keyPrefix) {
  const std::lock_guard guard(mutex_);
  for (auto each = entries_.lower_bound(keyPrefix);
       each != entries_.end() && each->first.starts_with(keyPrefix);)
    drop(each++);
}

size_t CrashLedger::keys() const {
  const std::lock_guard guard(mutex_);
  return entries_.size();
}

size_t CrashLedger::bytes() const {
  const std::lock_guard guard(mutex_);
  return bytes_;
}

/// What acquire() found: a worker, or none; and those that end, which may take a moment, without the lock.
struct WorkerPool::Taken {
  std::unique_ptr<WorkerProcess> worker;
  std::vector<std::unique_ptr<WorkerProcess>> ending = {};
};

/// The owner's own idle worker, else one that has served nobody. Where there is none and no room for one
/// more, the stranger that has been idle longest ends. Under the lock; busy_ counts the caller already.
WorkerPool::Taken WorkerPool::takeFree(const std::string& owner) {
  Taken out;
  for (auto each = free_.begin(); each != free_.end();) {
    const bool dead = !(*each)->alive();
    if (dead) out.ending.push_back(std::move(*each));
    each = dead ? free_.erase(each) : std::next(each);
  }
  const auto take = [&](const auto& fits) {
    const auto found = std::find_if(free_.rbegin(), free_.rend(), fits);
    if (found == free_.rend()) return false;
    out.worker = std::move(*found);
    free_.erase(std::next(found).base());
    return true;
  };
  if (take([&](const auto& worker) { return !options_.perOwner || worker->owner == owner; })) return out;
  if (take([](const auto& worker) { return !worker->owner; })) return out;
  while (!free_.empty() && busy_ + static_cast<int>(free_.size()) > options_.slots) {
    out.ending.push_back(std::move(free_.front()));
    free_.erase(free_.begin());
  }
  return out;
}

Result<std::unique_ptr<WorkerProcess>> WorkerPool::acquire(const std::stop_token& stop,
                                                           const std::string& owner) {
  std::unique_lock lock(mutex_);
  const bool granted = idle_.wait(lock, stop, [&] { return busy_ < options_.slots; });
  // Where a slot is free the wait grants it to who was stopped before, too.
  if (!granted || stop.stop_requested()) return fail(ErrorKind::Denied, "stopped");
  ++busy_;
  auto [worker, ending] = takeFree(owner);
  lock.unlock();
  ending.clear();
  if (worker) return std::move(worker);
  auto started = WorkerProcess::start(options_.command);
  if (!started) giveBack(nullptr);
  return started;
}

void WorkerPool::giveBack(std::unique_ptr<WorkerProcess> worker) {
  std::lock_guard guard(mutex_);
  --busy_;
  if (worker && worker->alive()) free_.push_back(std::move(worker));
  idle_.notify_one();
}

void WorkerPool::release() {
  std::vector<std::unique_ptr<WorkerProcess>> ending;
  std::lock_guard guard(mutex_);
  ending.swap(free_);
}

Result<void> WorkerPool::wake(const nlohmann::json& request) {
  int missing = 0;
  {
    std::lock_guard guard(mutex_);
    missing = options_.slots - busy_ - static_cast<int>(free_.size());
    if (closed() || missing <= 0) return {};
    busy_ += missing;
  }
  auto first = WorkerProcess::start(options_.command);
  if (!first) {
    for (int i = 0; i < missing; ++i)
      giveBack(nullptr);
    return fail(first.error());
  }
  std::jthread others([this, worker = std::move(*first), missing, request]() mutable {
    startOthers(std::move(worker), missing - 1, request);
  });
  std::lock_guard guard(mutex_);
  waking_.swap(others); // one that went before is waited for without the lock
  return {};
}

Result<void> WorkerPool::wake() {
  return wake(nlohmann::json());
}

/// All are started before the first is waited for.
void WorkerPool::startOthers(std::unique_ptr<WorkerProcess> first, int others,
                             const nlohmann::json& request) {
  std::vector<std::unique_ptr<WorkerProcess>> started;
  started.push_back(std::move(first));
  for (int i = 0; i < others; ++i) {
    auto one = closed() ? fail(ErrorKind::Unavailable, "closing") : WorkerProcess::start(options_.command);
    started.push_back(one ? std::move(*one) : nullptr);
  }
  for (auto& worker : started) {
    const bool asked = worker && !request.is_null() && !closed();
    const bool lost =
        asked && !worker->call(request, std::chrono::steady_clock::now() + kReady, closing_.get_token());
    giveBack(lost ? nullptr : std::move(worker));
  }
}

WorkerPool::~WorkerPool() {
  closing_.request_stop();
}

void WorkerPool::close() {
  closing_.request_stop();
  release();
}

int WorkerPool::running() const {
  std::lock_guard guard(mutex_);
  return busy_ + static_cast<int>(free_.size());
}

int WorkerPool::idle() const {
  std::lock_guard guard(mutex_);
  return static_cast<int>(free_.size());
}

Result<nlohmann::json> WorkerPool::call(const std::string& key, const nlohmann::json& request, double seconds,
                                        std::stop_token stop, const std::string& owner,
                                        const Answering& answering) {
  std::stop_source either;
  const std::stop_callback byCaller(stop, [&] { either.request_stop(); });
  const std::stop_callback byPool(closing_.get_token(), [&] { either.request_stop(); });
  stop = either.get_token();
  for (int strangers = 0;;) {
    if (auto refused = ledger_.refusal(key)) return fail(*refused);
    auto worker = acquire(stop, owner);
    if (!worker) return fail(worker.error());
    (*worker)->owner = owner;
    auto span = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(seconds));
    auto answer = (*worker)->call(request, std::chrono::steady_clock::now() + span, stop, answering);
    bool died = !answer && answer.error().kind == ErrorKind::Faulted;
    // Killed for the memory that it took, it says as much of its work as by a fault.
    const int signal = (*worker)->ranOutOfMemory() ? 0 : (*worker)->deathSignal();
    giveBack(std::move(*worker));
    if (answer) return okOf(std::move(*answer));
    if (answer.error().kind == ErrorKind::TimedOut) {
      ++timeouts_;
      return fail(ErrorKind::TimedOut,
                  "killed at its deadline of " + std::to_string(static_cast<int>(seconds)) + " s");
    }
    if (!died) return fail(answer.error());
    ++crashes_;
    if (fromOutside(signal) && ++strangers >= mostStrangers)
      return fail(ErrorKind::Unavailable, "workers are ended from outside: " + answer.error().message,
                  "see who sends them signals, or how much memory the machine has left");
    // A kill may be the kernel's own doing, by the memory that it took; other signals say nothing about it.
    if (!fromOutside(signal) || signal == SIGKILL) ledger_.add(key, answer.error().message);
    if (!options_.retryCrashes && !fromOutside(signal)) return fail(answer.error());
  }
}

} // namespace tuned
