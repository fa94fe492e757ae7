// Tunings in flight: a queue a device, one tuning of equal requests, progress that can be replayed from any
// point.
//
// Concurrency: each device has one thread that runs its jobs in turn. Jobs are shared; a Job guards itself.
// Listeners are called from the device's thread, without locks held, and must return at once.
#pragma once

#include "client/protocol/messages.h"
#include "daemon/store/records.h"
#include "ir/kernel/kernel.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

namespace tuned {

enum class JobState { Queued, Running, Done, Failed, Cancelled };
const char* name(JobState state);

/// What a job is about; constant for its life.
struct JobSpec {
  std::string id;
  protocol::TuneRequest request; ///< kernel is the document's SHA-256, the device is resolved
  std::shared_ptr<const Kernel> kernel;
  store::ProblemKey problem;
  int64_t configurations = 0; ///< of the space
  std::string strategy;       ///< the one asked for, or what the effort chose
  double created = 0;         ///< Unix time at which it was acknowledged
  /// The daemon itself, which measures what was built elsewhere: no quota counts that.
  static constexpr unsigned nobody = ~0U;
  unsigned user = 0; ///< who asked for it first
  int deaths = 0;    ///< daemons that died while they ran it
  /// The request named no device: where its own cannot be used, another of the kind will do.
  bool anyDevice = false;
};

class Job {
public:
  explicit Job(JobSpec spec);
  const JobSpec& spec() const { return spec_; }
  std::stop_token stopToken() const { return stop_.get_token(); }
  void requestStop() { stop_.request_stop(); }

  protocol::JobStatus status() const;
  bool finished() const;
  /// Where it runs or waits: the device it was given, or has been moved to.
  std::string device() const;
  /// Events and the number of the first of them.
  struct Events {
    size_t first = 0;
    std::vector<protocol::Event> list;
  };
  /// Events from number `from` on; the last one of a finished job is "done". Only the newest few hundred are
  /// kept: who asks for older ones is told what came after.
  Events events(size_t from) const;
  /// Whether there was an event of that number.
  bool told(size_t number) const;
  using Listener = std::function<void()>;
  /// Called after each new event until the handle is destroyed.
  std::shared_ptr<void> listen(Listener listener);

  void start();
  /// It waits again, for another device. What was tried is told again when it is looked up there.
  void moveTo(const std::string& device);
  void addTrial(const protocol::Trial& trial);
  /// "searching", "duel".
  void setPhase(const std::string& phase);
  /// "paused", or what it waits for: told in the phase's place until it is empty again.
  void setWaiting(const std::string& why);
  /// What its time went into so far; what is missing is waiting. Told with the next event.
  void setPhaseSeconds(std::map<std::string, double> seconds);
  /// Why the search ended; before finish().
  void setStopped(const std::string& why);
  void finish(JobState state, std::optional<protocol::Answer> answer, std::optional<Error> error);

private:
  protocol::JobStatus snapshot() const;
  void publish(std::unique_lock<std::mutex>& lock, const char* event, std::optional<protocol::Trial> trial);

  const JobSpec spec_;
  std::stop_source stop_;
  mutable std::mutex mutex_; ///< guards all below
  JobState state_ = JobState::Queued;
  std::string device_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now(), ended_;
  protocol::Values outcomes_;
  int64_t tried_ = 0, measured_ = 0;
  std::optional<protocol::Trial> best_;
  std::string phase_, waiting_, stopped_;
  std::map<std::string, double> phaseSeconds_;
  std::optional<protocol::Answer> answer_;
  std::optional<Error> error_;
  std::deque<protocol::Event> events_;
  size_t firstEvent_ = 0; ///< number of the oldest that is kept
  std::vector<std::weak_ptr<Listener>> listeners_;
};

class Jobs {
public:
  /// Runs one job to its end, on the device's thread; it must finish() the job unless it was stopped by
  /// shutdown().
  using Runner = std::function<void(Job&)>;
  /// Called on the device's thread when its queue has been empty for `idleSeconds`.
  using Idle = std::function<void(const std::string& device)>;
  /// Jobs queued and running at a time: of all users, and of one.
  struct Limits {
    size_t all = 1024, perUser = 256;
  };
  Jobs(Runner runner, Idle idle, double idleSeconds, Limits limits);
  ~Jobs();

  /// The equal job in flight, or null.
  std::shared_ptr<Job> equal(const protocol::TuneRequest& request, const store::ProblemKey& problem) const;
  /// Any job in flight for the problem as the document (its SHA-256) asks it, or null.
  std::shared_ptr<Job> of(const store::ProblemKey& problem, const std::string& document,
                          const Objective& objective) const;
  /// Whether any job in flight is of the kernel (its id) at these sizes, on whichever device.
  bool anyOf(const std::string& kernel, const std::string& sizes) const;
  /// OutOfResources, naming the limit, when one more job of this user would be too many.
  Result<void> room(unsigned user) const;
  /// Queues a job. A device that is free takes the oldest job of the user who had the least of it lately.
  void add(std::shared_ptr<Job> job);
  /// The device's processes were started for a job that is to come: they are let go as behind a job.
  void expect(const std::string& device);
  /// One that was taken from its queue waits in another device's; its runner returns without an end.
  void move(Job& job, const std::string& device);
  /// Jobs queued and running on the device.
  size_t load(const std::string& device) const;
  /// Jobs queued and running.
  size_t unfinished() const;
  std::shared_ptr<Job> find(const std::string& id) const;
  /// Newest first. Finished ones are kept up to a bound.
  std::vector<std::shared_ptr<Job>> list() const;
  /// The job running on the device, or null; none that has ended, or is another device's by now.
  std::shared_ptr<Job> running(const std::string& device) const;
  /// A queued job ends at once, a running one after its present trial. False when it had ended. `keep` is
  /// called before anybody is told that a queued one has ended.
  bool cancel(const std::shared_ptr<Job>& job, const std::function<void()>& keep = {});
  /// Stops all: running jobs return without an end (they are resumed by the next daemon).
  void shutdown();
  bool stopping() const;

private:
  struct Queue {
    std::deque<std::shared_ptr<Job>> waiting;
    std::shared_ptr<Job> running;
    bool expecting = false; ///< a job, since expect()
    std::condition_variable changed;
    std::thread thread;
  };
  void serve(const std::string& device, Queue& queue);
  std::shared_ptr<Job> takeNext(Queue& queue);
  void spend(unsigned user, double seconds);
  Queue& queueOf(const std::string& device);
  void enqueue(std::shared_ptr<Job> job, const std::string& device);
  void forgetOld();

  Runner runner_;
  Idle idle_;
  double idleSeconds_;
  const Limits limits_;
  mutable std::mutex mutex_; ///< guards all below
  std::map<std::string, std::unique_ptr<Queue>> queues_;
  std::vector<std::shared_ptr<Job>> jobs_; ///< oldest first
  std::map<unsigned, double> spent_;       ///< device seconds by user; half as much every hour
  std::chrono::steady_clock::time_point spentAt_ = std::chrono::steady_clock::now();
  bool stopping_ = false;
};

} // namespace tuned
