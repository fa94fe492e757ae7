// What the daemon does, without a transport: structs of the protocol in and out. Calls are safe from any
// thread; those marked [quick] touch no disk and no worker, the others may take as long as a compilation.
#pragma once

#include "daemon/options.h"
#include "daemon/service/answers/provisional.h"
#include "daemon/service/devices.h"
#include "daemon/service/jobs/jobs.h"
#include "daemon/service/jobs/tuning.h"
#include "daemon/service/jobs/watch.h"
#include "daemon/service/kernels.h"
#include "daemon/service/metrics.h"

#include <unordered_map>

namespace tuned {

struct BestResult {
  protocol::Answer answer;
  std::shared_ptr<Job> job;   ///< the tuning behind it, if any
  std::optional<Error> error; ///< nothing can be answered until that tuning is done; answer is empty then
  uint64_t asOf = 0;          ///< what remember() knows by whether the answer is old by then
  bool byDocument = false;    ///< asked with the kernel's document, not by a name or an id
};

class Service {
public:
  /// `cgroups`: what workers are limited with besides; null where none were given.
  Service(Options options, std::unique_ptr<store::Store> store, std::shared_ptr<Cgroups> cgroups = nullptr);
  ~Service();

  /// Once, from any thread: the devices, and what an operator should know of the search for them. Takes up
  /// the tunings that an earlier daemon acknowledged and did not finish, then ends looking().
  void setDevices(std::vector<KnownDevice> devices, std::vector<std::string> problems);
  /// After setDevices: begins to measure what was built elsewhere or ahead and never measured here.
  void measureLater();
  /// After a bundle was taken into the store(): what was remembered of it may be old, and what came with it
  /// is measured later. The devices must be known.
  void imported();
  /// Whether a user may bring further kernel documents. OutOfResources: they have as many as one may have.
  Result<void> roomForKernels(const std::string& user) { return kernels_.room(user); }
  /// [quick] Whether the devices are not known yet. Until they are, nothing that is about a device may be
  /// called: submit, kernels, kernel, trials, artefact, jobs, job, status, unready and metricsText may.
  bool looking() const { return looking_; }
  /// Running tunings stop after their present trial and are resumed by the next daemon; workers end.
  void shutdown();

  // `user` is who asks (a user's number): names are looked up among the asker's own first, tunings count
  // against the asker's quota and come in the asker's turn. Empty: the daemon itself, without a quota.

  /// [quick] The answer to a best request of exactly this text, when it is a hit that was given before.
  std::shared_ptr<const std::string> hit(const std::string& requestText, const std::string& user = {});
  /// Keeps what best() gave for hit(); dropped when a winner changes, not kept when one has changed since.
  void remember(const std::string& requestText, const BestResult& result, const std::string& user = {});

  Result<protocol::KernelInfo> submit(const std::string& document, const std::string& user = {});
  // Lists come in pages: at most `limit`, from behind what an earlier page gave as its next (empty: from the
  // start). NotFound or InvalidInput: there is no such place.
  Result<protocol::KernelList> kernels(int64_t limit, const std::string& after);
  Result<protocol::KernelInfo> kernel(const std::string& idOrName, const std::string& user = {});
  /// The best that is known now; never waits for a tuning.
  Result<BestResult> best(const protocol::BestRequest& request, const std::string& user = {});
  Result<protocol::JobStatus> tune(const protocol::TuneRequest& request, const std::string& user = {});
  /// Keeps a build that somebody else made and forgets that the problem was decided without it.
  Result<protocol::BuildInfo> addBuild(const protocol::BuildRequest& request, const std::string& user = {});
  Result<protocol::Explanation> explain(const protocol::ExplainRequest& request,
                                        const std::string& user = {});
  Result<protocol::Forgotten> forget(const protocol::ForgetRequest& request);
  /// Newest first, at most `limit`, from the one behind job `after` (empty: the first). NotFound: that one is
  /// not known (any more).
  Result<protocol::JobList> jobs(size_t limit, const std::string& after) const;
  Result<std::shared_ptr<Job>> job(const std::string& id) const; ///< [quick]
  Result<protocol::JobStatus> cancel(const std::string& id);
  /// These two: NotFound where nothing matches because the kernel or the device is not known at all.
  Result<protocol::TrialList> trials(const store::Filter& filter, int64_t limit, const std::string& after);
  Result<protocol::WinnerList> winners(const std::string& kernel, const std::string& device, int64_t limit,
                                       const std::string& after);
  Result<store::ArtefactRecord> artefact(const std::string& sha);
  protocol::DeviceList devices() const; ///< [quick]
  /// Starts the processes that a first tuning on the device waits for; they go again when none comes.
  Result<protocol::DeviceList> wake(const std::string& id);
  Result<protocol::ServiceStatus> status();
  std::string metricsText(); ///< [quick]
  /// Tunings wait, or go on; for the daemon's life.
  Result<protocol::ServiceStatus> pause(bool paused);
  /// [quick] Whether no tuning is queued or running.
  bool idle() const { return jobs_.unfinished() == 0; }
  /// [quick] From now on no tuning is taken and what takes long gives up; shutdown() follows.
  void end() { ending_ = true; }
  /// [quick] Whether the daemon is stopping.
  bool ending() const { return ending_; }
  /// [quick] Nothing when requests can be served; else why not.
  std::optional<std::string> unready() const;

  Metrics& metrics() { return metrics_; }
  store::Store& store() { return *store_; }
  const Options& options() const { return options_; }

private:
  struct Resolved {
    KnownKernel kernel;
    const KnownDevice* device;
    store::ProblemKey problem;
    Objective objective = {};
    std::string owner = {}; ///< of the code that runs for it (codeOwner)
  };
  Result<Resolved> resolve(const std::string& kernel, const std::string& document,
                           const protocol::Values& sizes, const std::string& device, const std::string& user,
                           const std::optional<Objective>& objective = {});
  Result<KnownKernel> take(const std::string& document, const std::string& user);
  Result<const KnownDevice*> device(const std::string& id) const;
  Result<const KnownDevice*> deviceFor(const Resolved& what, const std::string& asked) const;
  Result<std::shared_ptr<Job>> start(const Resolved& what, protocol::TuneRequest request, unsigned user,
                                     const store::JobRecord& record = {}, int deaths = 0);
  Result<BestResult> stored(const Resolved& what);
  Result<BestResult> bestWithout(const Resolved& what, const protocol::BestRequest& request, unsigned user);
  Result<protocol::Answer> told(const Resolved& what, const store::MeasurementRecord& record);
  Result<store::MeasurementRecord> chosen(const Resolved& what);
  Result<protocol::Answer> tell(const Job& job);
  void collect();
  void collectBrought(int64_t bytes);
  Result<protocol::Answer> provisional(const Resolved& what, const protocol::Values& sizes);
  Result<protocol::Answer> compiled(const Resolved& what, const store::ProblemKey& asked,
                                    const Configuration& configuration, const std::string& source,
                                    std::optional<double> loss = {});
  Crew crewOf(const KnownDevice& device);
  Result<void> knownAtAll(const std::string& kernel, const std::string& device);
  void resume();
  void feedLater(const KnownDevice& device);
  void endedLater(const Job& job);
  void run(Job& job);
  bool moveElsewhere(Job& job);
  /// Forgets remembered answers: those of a kernel, or all.
  void dropHits(const std::string& kernel = {});
  /// Those that were asked by a name or an id which stands for another document now.
  void dropHitsAskedBy(const std::string& id, const std::string& name);
  uint64_t hitsDropped();

  const Options options_;
  std::unique_ptr<store::Store> store_;
  const std::shared_ptr<Cgroups> cgroups_; ///< null: none were given
  std::atomic<bool> looking_ = true;
  std::vector<KnownDevice> devices_; ///< as the next two: set before looking_ ends, and constant from then on
  std::vector<std::string> problems_;
  std::map<std::string, std::unique_ptr<WorkerPool>> measurers_; ///< one a device
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Metrics metrics_;
  Kernels kernels_;
  CoreGate gate_;
  WorkerPool compilers_;
  Provisional provisional_;
  DeviceWatch watch_;
  Tuning tuning_;
  std::mutex starting_; ///< makes "is there an equal one? else start" one step
  std::mutex hitsMutex_;
  struct Hit {
    std::string kernel, name;
    bool byDocument = false;
    std::shared_ptr<const std::string> answer;
  };
  std::unordered_map<std::string, Hit> hits_; ///< by the user and the request's text
  uint64_t hitsDropped_ = 0;                  ///< times
  /// Jobs over builds that were here without a measurement: a few at a time.
  struct Later {
    std::map<std::string, int64_t> reached;            ///< by target: the number of the last problem taken up
    std::map<std::string, std::set<std::string>> jobs; ///< by device
  };
  std::mutex laterMutex_;
  Later later_;
  std::atomic<bool> ending_ = false;
  bool closed_ = false;
  std::atomic<double> collected_ = 0; ///< Unix time of the last collection
  std::atomic<int64_t> brought_ = 0;  ///< bytes of others' builds since these were collected
  Jobs jobs_;                         ///< last: its threads use all above
};

} // namespace tuned
