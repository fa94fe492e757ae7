#include "daemon/service/jobs/jobs.h"

#include "base/clock.h"
#include "client/protocol/json.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tuned {

namespace {
/// Finished jobs whose progress can still be read.
constexpr size_t finishedKept = 64;
/// Bytes of kernels' sources that they may hold.
constexpr size_t finishedBytes = size_t{16} << 20;

/// What was used an hour ago counts half.
constexpr double halfLife = 3600;

/// Two requests are one tuning when they ask for the same thing in the same way; whoever comes second gets
/// what the first one's budget brings.
Objective objectiveOf(const protocol::TuneRequest& request) {
  return request.objective.value_or(Objective());
}

bool same(const protocol::TuneRequest& a, const protocol::TuneRequest& b) {
  return a.kernel == b.kernel && a.strategy == b.strategy && a.effort == b.effort && a.seed == b.seed &&
         a.force == b.force && a.only == b.only && a.built == b.built && a.anyAddress == b.anyAddress &&
         objectiveOf(a) == objectiveOf(b);
}
} // namespace

Jobs::Jobs(Runner runner, Idle idle, double idleSeconds, Limits limits)
    : runner_(std::move(runner)), idle_(std::move(idle)), idleSeconds_(idleSeconds), limits_(limits) {}

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

std::shared_ptr<Job> Jobs::of(const store::ProblemKey& problem, const std::string& document,
                              const Objective& objective) const {
  std::lock_guard guard(mutex_);
  for (const auto& job : jobs_)
    if (job->spec().problem == problem && job->spec().request.kernel == document &&
        objectiveOf(job->spec().request) == objective && !job->finished())
      return job;
  return nullptr;
}

bool Jobs::anyOf(const std::string& kernel, const std::string& sizes) const {
  std::lock_guard guard(mutex_);
  return std::ranges::any_of(jobs_, [&](const auto& job) {
    const store::ProblemKey& problem = job->spec().problem;
    return problem.kernel == kernel && problem.sizes == sizes && !job->finished();
  });
}

Result<void> Jobs::room(unsigned user) const {
  if (user == JobSpec::nobody) return {};
  std::lock_guard guard(mutex_);
  size_t all = 0, own = 0;
  // By what is told, not by queues: who was told that a job has ended may ask for the next one, though its
  // thread is not through with it; and one that moves is in two queues for a moment.
  for (const auto& job : jobs_) {
    if (job->finished()) continue;
    all += job->spec().user != JobSpec::nobody;
    own += job->spec().user == user;
  }
  if (own >= limits_.perUser)
    return fail(
        ErrorKind::OutOfResources,
        "user " + std::to_string(user) + " has " + std::to_string(own) + " tunings queued or running",
        "wait for some to end or cancel them; jobs_per_user in the daemon's configuration is the limit");
  if (all >= limits_.all)
    return fail(ErrorKind::OutOfResources, std::to_string(all) + " tunings are queued or running",
                "ask again later; jobs in the daemon's configuration is the limit");
  return {};
}

void Jobs::spend(unsigned user, double seconds) {
  const auto now = std::chrono::steady_clock::now();
  const double left = std::exp2(-std::chrono::duration<double>(now - spentAt_).count() / halfLife);
  spentAt_ = now;
  for (auto& [id, spent] : spent_)
    spent *= left;
  spent_[user] += seconds;
  std::erase_if(spent_, [](const auto& entry) { return entry.second < 0.01; });
}

std::shared_ptr<Job> Jobs::takeNext(Queue& queue) {
  auto spent = [&](const std::shared_ptr<Job>& job) {
    auto found = spent_.find(job->spec().user);
    return found == spent_.end() ? 0.0 : found->second;
  };
  auto next = std::ranges::min_element(queue.waiting, {}, spent); // the oldest of equals
  auto job = *next;
  queue.waiting.erase(next);
  return job;
}

void Jobs::add(std::shared_ptr<Job> job) {
  std::lock_guard guard(mutex_);
  if (stopping_) return;
  forgetOld();
  jobs_.push_back(job);
  enqueue(job, job->device());
}

void Jobs::move(Job& job, const std::string& device) {
  job.moveTo(device);
  std::lock_guard guard(mutex_);
  auto held = std::ranges::find(jobs_, &job, [](const auto& each) { return each.get(); });
  if (!stopping_ && held != jobs_.end()) enqueue(*held, device);
}

/// Under the lock.
Jobs::Queue& Jobs::queueOf(const std::string& device) {
  auto& queue = queues_[device];
  if (!queue) {
    queue = std::make_unique<Queue>();
    queue->thread = std::thread([this, device, &queue = *queue] { serve(device, queue); });
  }
  return *queue;
}

/// Under the lock.
void Jobs::enqueue(std::shared_ptr<Job> job, const std::string& device) {
  Queue& queue = queueOf(device);
  queue.waiting.push_back(std::move(job));
  queue.changed.notify_one();
}

void Jobs::expect(const std::string& device) {
  std::lock_guard guard(mutex_);
  if (stopping_) return;
  Queue& queue = queueOf(device);
  queue.expecting = true;
  queue.changed.notify_one();
}

void Jobs::forgetOld() {
  size_t finished = 0, bytes = 0;
  // The newest first; what is too old or too much goes.
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
    if (!(*job)->finished()) continue;
    bytes += (*job)->spec().kernel->source.size();
    if (++finished > finishedKept || (finished > 1 && bytes > finishedBytes)) job->reset();
  }
  std::erase_if(jobs_, [](const auto& job) { return job == nullptr; });
}

size_t Jobs::load(const std::string& device) const {
  std::lock_guard guard(mutex_);
  auto queue = queues_.find(device);
  return queue == queues_.end() ? 0 : queue->second->waiting.size() + (queue->second->running ? 1 : 0);
}

size_t Jobs::unfinished() const {
  std::lock_guard guard(mutex_);
  size_t count = 0;
  for (const auto& [device, queue] : queues_)
    count += queue->waiting.size() + (queue->running ? 1 : 0);
  return count;
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
  auto job = queue == queues_.end() ? nullptr : queue->second->running;
  // Its thread may not be through with it yet.
  return job && !job->finished() && job->device() == device ? job : nullptr;
}

bool Jobs::cancel(const std::shared_ptr<Job>& job, const std::function<void()>& keep) {
  if (job->finished()) return false;
  job->requestStop();
  std::unique_lock lock(mutex_);
  // One on its way to another device is in no queue, and its new device may not have had one yet.
  auto queue = queues_.find(job->device());
  if (queue == queues_.end()) return true;
  auto& waiting = queue->second->waiting;
  auto place = std::find(waiting.begin(), waiting.end(), job);
  if (place == waiting.end()) return true;
  waiting.erase(place);
  lock.unlock();
  if (keep) keep();
  job->finish(JobState::Cancelled, {}, {});
  return true;
}

void Jobs::serve(const std::string& device, Queue& queue) {
  std::unique_lock lock(mutex_);
  bool idle = true;
  for (;;) {
    auto work = [&] { return stopping_ || !queue.waiting.empty(); };
    if (idle) {
      queue.changed.wait(lock, [&] { return queue.expecting || work(); });
      idle = false;
      if (std::exchange(queue.expecting, false)) continue;
    } else if (!queue.changed.wait_for(lock, std::chrono::duration<double>(idleSeconds_), work)) {
      lock.unlock();
      idle_(device);
      lock.lock();
      idle = true;
      continue;
    }
    if (stopping_) return;
    queue.running = takeNext(queue);
    auto job = queue.running;
    const unsigned user = job->spec().user;
    lock.unlock();
    const auto start = std::chrono::steady_clock::now();
    runner_(*job);
    job.reset();
    lock.lock();
    spend(user, secondsSince(start));
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
