#include "daemon/worker_pool/pool.h"

#include "daemon/worker/messages.h"

#include <csignal>
#include <nlohmann/json.hpp>

namespace tuned {

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

Result<std::unique_ptr<WorkerProcess>> WorkerPool::acquire(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!idle_.wait(lock, stop, [&] { return busy_ < options_.slots; }))
    return fail(ErrorKind::Denied, "stopped");
  ++busy_;
  if (!free_.empty()) {
    auto worker = std::move(free_.back());
    free_.pop_back();
    return worker;
  }
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

int WorkerPool::running() const {
  std::lock_guard guard(mutex_);
  return busy_ + static_cast<int>(free_.size());
}

Result<nlohmann::json> WorkerPool::call(const std::string& key, const nlohmann::json& request, double seconds,
                                        std::stop_token stop) {
  for (;;) {
    if (auto refused = ledger_.refusal(key)) return fail(*refused);
    auto worker = acquire(stop);
    if (!worker) return fail(worker.error());
    auto span = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(seconds));
    auto answer = (*worker)->call(request, std::chrono::steady_clock::now() + span, stop);
    bool died = !answer && answer.error().kind == ErrorKind::Faulted;
    int signal = (*worker)->deathSignal();
    giveBack(std::move(*worker));
    if (answer) return okOf(std::move(*answer));
    if (answer.error().kind == ErrorKind::TimedOut) {
      ++timeouts_;
      return fail(ErrorKind::TimedOut,
                  "killed at its deadline of " + std::to_string(static_cast<int>(seconds)) + " s");
    }
    if (!died) return fail(answer.error());
    ++crashes_;
    ledger_.add(key, answer.error().message);
    if (!options_.retryCrashes && signal != SIGKILL) return fail(answer.error());
  }
}

} // namespace tuned
