#include "daemon/service/jobs.h"

#include "client/protocol/json.h"

#include <algorithm>

namespace tuned {

namespace {
/// Finished jobs whose progress can still be read.
constexpr size_t finishedKept = 64;

/// Two requests are one tuning when they ask for the same thing in the same way.
bool same(const protocol::TuneRequest& a, const protocol::TuneRequest& b) {
  return a.kernel == b.kernel && a.strategy == b.strategy && a.seed == b.seed &&
         a.budget.seconds == b.budget.seconds && a.budget.trials == b.budget.trials && a.force == b.force &&
         a.only == b.only;
}
} // namespace

Jobs::Jobs(Runner runner, Idle idle, double idleSeconds)
    : runner_(std::move(runner)), idle_(std::move(idle)), idleSeconds_(idleSeconds) {}

Jobs::~Jobs() {
  shutdown();
}

std::shared_ptr<Job> Jobs::equal(const protocol::TuneRequest& request,
                                 const store::ProblemKey& problem) const {
  std::lock_guard guard(mutex_);
  for (const auto& job : jobs_)
    if (job->spec().problem == problem && same(job->spec().request, request) && !job->finished()) return job;
  return nullptr;
}

std::shared_ptr<Job> Jobs::of(const store::ProblemKey& problem, const std::string& document) const {
  std::lock_guard guard(mutex_);
  for (const auto& job : jobs_)
    if (job->spec().problem == problem && job->spec().request.kernel == document && !job->finished())
      return job;
  return nullptr;
}

void Jobs::add(std::shared_ptr<Job> job) {
  std::lock_guard guard(mutex_);
  if (stopping_) return;
  const std::string& device = job->spec().request.device;
  forgetOld();
  jobs_.push_back(job);
  auto& queue = queues_[device];
  if (!queue) {
    queue = std::make_unique<Queue>();
    queue->thread = std::thread([this, device, &queue = *queue] { serve(device, queue); });
  }
  queue->waiting.push_back(std::move(job));
  queue->changed.notify_one();
}

void Jobs::forgetOld() {
  auto finished = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->finished(); });
  for (auto job = jobs_.begin();
       job != jobs_.end() && finished > static_cast<std::ptrdiff_t>(finishedKept);) {
    if (!(*job)->finished()) {
      ++job;
      continue;
    }
    job = jobs_.erase(job);
    --finished;
  }
}

std::shared_ptr<Job> Jobs::find(const std::string& id) const {
  std::lock_guard guard(mutex_);
  for (const auto& job : jobs_)
    if (job->spec().id == id) return job;
  return nullptr;
}

std::vector<std::shared_ptr<Job>> Jobs::list() const {
  std::lock_guard guard(mutex_);
  return {jobs_.rbegin(), jobs_.rend()};
}

std::shared_ptr<Job> Jobs::running(const std::string& device) const {
  std::lock_guard guard(mutex_);
  auto queue = queues_.find(device);
  return queue == queues_.end() ? nullptr : queue->second->running;
}

bool Jobs::cancel(const std::shared_ptr<Job>& job) {
  if (job->finished()) return false;
  job->requestStop();
  std::unique_lock lock(mutex_);
  auto& waiting = queues_.at(job->spec().request.device)->waiting;
  auto place = std::find(waiting.begin(), waiting.end(), job);
  if (place == waiting.end()) return true;
  waiting.erase(place);
  lock.unlock();
  job->finish(JobState::Cancelled, {}, {});
  return true;
}

void Jobs::serve(const std::string& device, Queue& queue) {
  std::unique_lock lock(mutex_);
  bool idle = true;
  for (;;) {
    auto work = [&] { return stopping_ || !queue.waiting.empty(); };
    if (idle) {
      queue.changed.wait(lock, work);
    } else if (!queue.changed.wait_for(lock, std::chrono::duration<double>(idleSeconds_), work)) {
      lock.unlock();
      idle_(device);
      lock.lock();
      idle = true;
      continue;
    }
    if (stopping_) return;
    queue.running = queue.waiting.front();
    queue.waiting.pop_front();
    auto job = queue.running;
    lock.unlock();
    runner_(*job);
    job.reset();
    lock.lock();
    queue.running = nullptr;
    idle = false;
  }
}

void Jobs::shutdown() {
  std::vector<std::thread> threads;
  {
    std::lock_guard guard(mutex_);
    stopping_ = true;
    for (auto& [device, queue] : queues_) {
      if (queue->running) queue->running->requestStop();
      queue->changed.notify_all();
      if (queue->thread.joinable()) threads.push_back(std::move(queue->thread));
    }
  }
  for (std::thread& thread : threads)
    thread.join();
}

bool Jobs::stopping() const {
  std::lock_guard guard(mutex_);
  return stopping_;
}

} // namespace tuned
