#include "daemon/service/jobs/jobs.h"

#include <algorithm>

namespace tuned {

const char* name(JobState state) {
  constexpr const char* names[] = {"queued", "running", "done", "failed", "cancelled"};
  return names[static_cast<int>(state)];
}

namespace {
/// Events that can be read again. Each holds the job's whole state, some kilobytes.
constexpr size_t keptOfRunning = 256, keptOfFinished = 32;
} // namespace

Job::Job(JobSpec spec) : spec_(std::move(spec)), device_(spec_.request.device) {
  std::unique_lock lock(mutex_);
  publish(lock, "status", {});
}

bool Job::finished() const {
  std::lock_guard guard(mutex_);
  return state_ >= JobState::Done;
}

protocol::JobStatus Job::status() const {
  std::lock_guard guard(mutex_);
  return snapshot();
}

protocol::JobStatus Job::snapshot() const {
  protocol::JobStatus out;
  out.id = spec_.id;
  out.kernel = spec_.problem.kernel;
  out.kernelName = spec_.kernel->name;
  out.sizes = spec_.request.sizes;
  out.device = device_;
  out.strategy = spec_.strategy;
  out.state = name(state_);
  out.configurations = spec_.configurations;
  out.tried = tried_;
  out.outcomes = outcomes_;
  out.best = best_;
  if (state_ == JobState::Running) out.phase = waiting_.empty() ? phase_ : waiting_;
  out.stopped = stopped_;
  auto end = state_ >= JobState::Done ? ended_ : std::chrono::steady_clock::now();
  if (state_ != JobState::Queued) out.elapsedSeconds = std::chrono::duration<double>(end - began_).count();
  if (!phaseSeconds_.empty()) {
    out.phaseSeconds = phaseSeconds_;
    double told = 0;
    for (const auto& [phase, seconds] : phaseSeconds_)
      told += seconds;
    out.phaseSeconds["wait"] += std::max(0.0, out.elapsedSeconds - told);
  }
  if (state_ == JobState::Running && measured_ > 0)
    out.etaSeconds = out.elapsedSeconds / static_cast<double>(measured_) *
                     static_cast<double>(std::max<int64_t>(0, spec_.configurations - tried_));
  out.answer = answer_;
  out.error = error_;
  return out;
}

Job::Events Job::events(size_t from) const {
  std::lock_guard guard(mutex_);
  const size_t skipped = std::min(from < firstEvent_ ? 0 : from - firstEvent_, events_.size());
  return {firstEvent_ + skipped, {events_.begin() + static_cast<std::ptrdiff_t>(skipped), events_.end()}};
}

bool Job::told(size_t number) const {
  std::lock_guard guard(mutex_);
  return number < firstEvent_ + events_.size();
}

std::shared_ptr<void> Job::listen(Listener listener) {
  auto held = std::make_shared<Listener>(std::move(listener));
  std::lock_guard guard(mutex_);
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  listeners_.push_back(held);
  return held;
}

/// Appends the event, then calls the listeners with the lock released.
void Job::publish(std::unique_lock<std::mutex>& lock, const char* event,
                  std::optional<protocol::Trial> trial) {
  events_.push_back({event, snapshot(), std::move(trial)});
  for (const size_t kept = state_ >= JobState::Done ? keptOfFinished : keptOfRunning; events_.size() > kept;
       ++firstEvent_)
    events_.pop_front();
  std::vector<std::shared_ptr<Listener>> called;
  for (const auto& one : listeners_)
    if (auto listener = one.lock()) called.push_back(std::move(listener));
  lock.unlock();
  for (const auto& listener : called)
    (*listener)();
}

void Job::start() {
  std::unique_lock lock(mutex_);
  state_ = JobState::Running;
  began_ = std::chrono::steady_clock::now();
  publish(lock, "status", {});
}

std::string Job::device() const {
  std::lock_guard guard(mutex_);
  return device_;
}

void Job::moveTo(const std::string& device) {
  std::unique_lock lock(mutex_);
  state_ = JobState::Queued;
  device_ = device;
  tried_ = measured_ = 0;
  outcomes_.clear();
  best_.reset();
  phase_.clear();
  publish(lock, "status", {});
}

void Job::addTrial(const protocol::Trial& trial) {
  std::unique_lock lock(mutex_);
  // A contender takes part beside the space, which is what `configurations` counts.
  if (trial.origin.empty()) ++tried_;
  if (!trial.cached) ++measured_;
  ++outcomes_[trial.outcome];
  if (trial.outcome == "timed" && trial.seconds && (!best_ || *trial.seconds < *best_->seconds))
    best_ = trial;
  publish(lock, "trial", trial);
}

void Job::setPhase(const std::string& phase) {
  std::unique_lock lock(mutex_);
  if (phase_ == phase) return;
  phase_ = phase;
  publish(lock, "status", {});
}

void Job::setWaiting(const std::string& why) {
  std::unique_lock lock(mutex_);
  if (waiting_ == why) return;
  waiting_ = why;
  publish(lock, "status", {});
}

void Job::setPhaseSeconds(std::map<std::string, double> seconds) {
  std::lock_guard guard(mutex_);
  phaseSeconds_ = std::move(seconds);
}

void Job::setStopped(const std::string& why) {
  std::lock_guard guard(mutex_);
  stopped_ = why;
}

void Job::finish(JobState state, std::optional<protocol::Answer> answer, std::optional<Error> error) {
  std::unique_lock lock(mutex_);
  state_ = state;
  ended_ = std::chrono::steady_clock::now();
  answer_ = std::move(answer);
  error_ = std::move(error);
  publish(lock, "done", {});
}

} // namespace tuned
