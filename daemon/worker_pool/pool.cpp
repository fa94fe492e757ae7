#include "daemon/worker_pool/pool.h"

#include "daemon/worker/channel/messages.h"

#include <csignal>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
/// Workers of one call that may be ended by others before the call gives up.
constexpr int mostStrangers = 8;

/// Signals that a process gets from its surroundings, and that code which is wrong does not raise.
bool fromOutside(int signal) {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP ||
         signal == SIGQUIT || signal == SIGUSR1 || signal == SIGUSR2 || signal == SIGALRM;
}
} // namespace

int CrashLedger::add(const std::string& key, const std::string& how) {
  std::lock_guard guard(mutex_);
  Entry& entry = entries_[key];
  entry.last = how;
  return ++entry.count;
}

std::optional<Error> CrashLedger::refusal(const std::string& key) const {
  std::lock_guard guard(mutex_);
  auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.count < limit) return std::nullopt;
  return Error{ErrorKind::Denied,
               "refused: it crashed its worker " + std::to_string(entry->second.count) + " times (" +
                   entry->second.last + ")",
               std::nullopt, "tune with force to try again"};
}

void CrashLedger::forget(const std::string& keyPrefix) {
  std::lock_guard guard(mutex_);
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.starts_with(keyPrefix); });
}

/// An idle worker that is still there and may serve this owner, or null; others in its place are ended. Under
/// the lock.
std::unique_ptr<WorkerProcess> WorkerPool::takeFree(const std::string& owner) {
  while (!free_.empty()) {
    auto worker = std::move(free_.back());
    free_.pop_back();
    const bool strange = options_.perOwner && !worker->owner.empty() && worker->owner != owner;
    if (!strange && worker->alive()) return worker;
  }
  return nullptr;
}

Result<std::unique_ptr<WorkerProcess>> WorkerPool::acquire(const std::stop_token& stop,
                                                           const std::string& owner) {
  std::unique_lock lock(mutex_);
  const bool granted = idle_.wait(lock, stop, [&] { return busy_ < options_.slots; });
  // Where a slot is free the wait grants it to who was stopped before, too.
  if (!granted || stop.stop_requested()) return fail(ErrorKind::Denied, "stopped");
  ++busy_;
  if (auto worker = takeFree(owner)) return worker;
  lock.unlock();
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

Result<void> WorkerPool::wake() {
  {
    std::lock_guard guard(mutex_);
    if (closed() || busy_ > 0 || !free_.empty()) return {};
    ++busy_;
  }
  auto started = WorkerProcess::start(options_.command);
  giveBack(started ? std::move(*started) : nullptr);
  return started ? Result<void>() : fail(started.error());
}

void WorkerPool::close() {
  closing_.request_stop();
  release();
}

int WorkerPool::running() const {
  std::lock_guard guard(mutex_);
  return busy_ + static_cast<int>(free_.size());
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
