#include "daemon/service/service.h"

#include "base/clock.h"
#include "base/machine.h"
#include "client/protocol/json.h"
#include "daemon/service/admission.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/answers/question.h"
#include "daemon/service/ids.h"
#include "daemon/service/jobs/taking_up.h"
#include "tuner/search/effort.h"
#include "tuner/search/space.h"
#include "tuner/search/strategy.h"

#include <algorithm>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace tuned {

namespace {
/// Texts of hits kept in memory.
constexpr size_t hitsKept = 1024;
constexpr size_t longestHit = 64 * 1024;
/// Daemons that may die while they run a job before it is not taken up any more.
constexpr int mostDeaths = 3;

Result<void> checkBudget(const protocol::Budget& budget) {
  if (budget.seconds >= 0 && budget.trials >= 0) return {};
  return fail(ErrorKind::InvalidInput, "budget: seconds and trials are at least 0",
              "leave them out, or 0, for the daemon's own limit");
}

/// What a tuning is asked to do, whatever there is to do it for.
Result<void> check(const protocol::TuneRequest& request) {
  if (auto sound = checkBudget(request.budget); !sound) return sound;
  if (auto known = effortNamed(request.effort); !known) return fail(known.error());
  if (!request.strategy.empty())
    if (auto known = checkStrategy(request.strategy); !known) return fail(known.error());
  if (request.built && (!request.only.empty() || request.force))
    return fail(ErrorKind::InvalidInput, "'built' goes with neither 'only' nor 'force'",
                "tune without 'built' to try all anew");
  if (request.anyAddress && (!request.only.empty() || request.force || request.built))
    return fail(ErrorKind::InvalidInput, "'any_address' goes with neither 'only', 'force' nor 'built'",
                "tune without 'any_address' to try all anew");
  return {};
}

/// Of a user as quotas and turns count.
unsigned numberOf(const std::string& user) {
  return user.empty() ? JobSpec::nobody : static_cast<unsigned>(std::strtoul(user.c_str(), nullptr, 10));
}

PoolOptions compilePool(const Options& options, const std::shared_ptr<Cgroups>& cgroups) {
  return {{options.worker,
           {"compile", "--memory", std::to_string(options.compileMemory)},
           cgroups,
           {options.compileMemory}},
          options.compileWorkers,
          true,
          true};
}

} // namespace

Service::Service(Options options, std::unique_ptr<store::Store> store, std::shared_ptr<Cgroups> cgroups)
    : options_(std::move(options)), store_(std::move(store)), cgroups_(std::move(cgroups)),
      kernels_(*store_, {options_.kernelsPerUser, options_.kernelBytesPerUser}),
      compilers_(compilePool(options_, cgroups_)),
      tuning_(
          *store_, metrics_, [this] { return ending_.load(); }, [this](const Job& job) { return tell(job); },
          [this](const Job& job) { dropHits(job.spec().problem.kernel); },
          [this](Job& job) { return moveElsewhere(job); }),
      jobs_([this](Job& job) { run(job); },
            [this](const std::string& device) {
              measurers_.at(device)->release();
              compilers_.release();
            },
            options_.idleSeconds,
            {static_cast<size_t>(options_.jobs), static_cast<size_t>(options_.jobsPerUser)}) {}

Service::~Service() {
  shutdown();
}

void Service::shutdown() {
  end();
  if (std::exchange(closed_, true)) return;
  compilers_.close();
  if (!looking_)
    for (auto& [device, pool] : measurers_)
      pool->close();
  jobs_.shutdown();
  if (auto folded = store_->checkpoint(); !folded) spdlog::warn("{}", folded.error().text());
}

void Service::setDevices(std::vector<KnownDevice> devices, std::vector<std::string> problems) {
  devices_ = std::move(devices);
  problems_ = std::move(problems);
  for (const KnownDevice& device : devices_)
    measurers_[device.info.id] = std::make_unique<WorkerPool>(PoolOptions{
        {options_.worker, {"measure", "--device", device.info.id}, cgroups_, {memoryForMeasuring(), 4096}},
        1,
        false,
        true});
  // Before any request: one for the same tuning joins the one that is taken up.
  resume();
  looking_ = false;
}

void Service::resume() {
  auto unfinished = store_->unfinishedJobs();
  if (!unfinished) return spdlog::error("{}", unfinished.error().text());
  TakingUp takingUp(store_->path() + ".taking-up");
  for (const store::JobRecord& record : *unfinished) {
    // A daemon that ends as it should leaves its jobs queued: this one died while it ran the job, or took it
    // up.
    const bool running = record.state == name(JobState::Running), takenUp = record.id == takingUp.left();
    const int deaths = std::atoi(record.outcome.c_str()) + (running || takenUp ? 1 : 0);
    if (deaths >= mostDeaths) {
      const std::string why = std::to_string(deaths) + " daemons died while they ran it";
      spdlog::error("job {} is set aside: {}", record.id, why);
      (void)store_->setJob(record.id, name(JobState::Failed), why);
      continue;
    }
    if (takenUp) (void)store_->setJob(record.id, name(JobState::Queued), std::to_string(deaths));
    takingUp.begin(record.id);
    auto request = protocol::fromText<protocol::TuneRequest>(record.request);
    // Quotas, turns and processes of workers are those of who asked; older daemons did not keep that.
    const unsigned user = record.user.value_or(::geteuid());
    const std::string asker = user == JobSpec::nobody ? "" : std::to_string(user);
    auto what = request
                    ? resolve(request->kernel, "", request->sizes, request->device, asker, request->objective)
                    : fail(request.error());
    auto job = what ? start(*what, *request, user, record, deaths) : fail(what.error());
    if (job) {
      spdlog::info("job {} goes on where it was", record.id);
      continue;
    }
    if (ending_) return; // the next daemon takes it up
    spdlog::warn("job {} cannot go on: {}", record.id, job.error().text());
    (void)store_->setJob(record.id, name(JobState::Failed), job.error().text());
  }
}

Result<const KnownDevice*> Service::device(const std::string& id) const {
  for (const KnownDevice& device : devices_)
    if (id.empty() || device.info.id == id) return &device;
  std::string there;
  for (const KnownDevice& device : devices_)
    there += (there.empty() ? "" : ", ") + device.info.id;
  return fail(ErrorKind::NotFound,
              id.empty() ? "this daemon has no device" : "there is no device '" + id + "'",
              there.empty() ? "see tunectl doctor" : "devices: " + there);
}

/// The device that a tuning runs on: the one that was asked for, else the one of its kind with the least to
/// do.
Result<const KnownDevice*> Service::deviceFor(const Resolved& what, const std::string& asked) const {
  const KnownDevice* least = nullptr;
  std::string out;
  for (const KnownDevice& device : devices_) {
    const std::string& id = device.info.id;
    if (asked.empty() ? device.target.id != what.device->target.id : id != asked) continue;
    if (auto why = watch_.out(id))
      out += (out.empty() ? "" : "; ") + id + " is out of use: " + *why;
    else if (!least || jobs_.load(id) < jobs_.load(least->info.id))
      least = &device;
  }
  if (least) return least;
  return fail(ErrorKind::Unavailable, out, "it is tried again a minute after it failed; see tunectl doctor");
}

/// Keeps the document. What was answered for its name or id may have been about another.
Result<KnownKernel> Service::take(const std::string& document, const std::string& user) {
  auto known = kernels_.submit(document, user);
  if (known && known->fresh) dropHitsAskedBy(known->id, known->kernel->name);
  return known;
}

Result<Service::Resolved> Service::resolve(const std::string& kernel, const std::string& document,
                                           const protocol::Values& sizes, const std::string& deviceId,
                                           const std::string& user,
                                           const std::optional<Objective>& objective) {
  if (objective && !objective->sound())
    return fail(ErrorKind::InvalidInput, "objective: weights are finite and at least 0, and not all are 0",
                "give a weight for time, for energy, or for both");
  if (kernel.empty() == document.empty())
    return fail(ErrorKind::InvalidInput, "give either 'kernel' (an id or a name) or 'document'");
  auto known = document.empty() ? kernels_.find(kernel, user) : take(document, user);
  if (!known) return fail(known.error());
  auto on = device(deviceId);
  if (!on) return fail(on.error());
  if (auto sound = checkSizes(*known->kernel, sizes); !sound) return fail(sound.error());
  auto bytes = totalBytes(*known->kernel, sizes);
  if (!bytes) return fail(bytes.error());
  if (auto room = checkRoom(*bytes, (*on)->info); !room) return fail(room.error());
  return Resolved{kernels_.on(*known, (*on)->info),
                  *on,
                  {known->id, toKey(sizes), (*on)->target.id},
                  objective.value_or(Objective()),
                  codeOwner(numberOf(user), *known)};
}

std::shared_ptr<const std::string> Service::hit(const std::string& requestText, const std::string& user) {
  std::lock_guard guard(hitsMutex_);
  auto found = hits_.find(user + '\n' + requestText);
  if (found == hits_.end()) return nullptr;
  ++metrics_.hits;
  return found->second.answer;
}

void Service::remember(const std::string& requestText, const BestResult& result, const std::string& user) {
  const protocol::Answer& answer = result.answer;
  // An answer with a tuning behind it changes soon.
  if (answer.source != "cache" || answer.stale || !answer.job.empty() || requestText.size() > longestHit)
    return;
  std::lock_guard guard(hitsMutex_);
  // What was dropped while it was looked up may have been this.
  if (result.asOf != hitsDropped_) return;
  if (hits_.size() >= hitsKept) hits_.clear();
  hits_[user + '\n' + requestText] = {answer.kernel, answer.kernelName, result.byDocument,
                                      std::make_shared<const std::string>(protocol::toText(answer))};
}

uint64_t Service::hitsDropped() {
  std::lock_guard guard(hitsMutex_);
  return hitsDropped_;
}

void Service::dropHits(const std::string& kernel) {
  std::lock_guard guard(hitsMutex_);
  ++hitsDropped_;
  std::erase_if(hits_, [&](const auto& entry) { return kernel.empty() || entry.second.kernel == kernel; });
}

void Service::dropHitsAskedBy(const std::string& id, const std::string& name) {
  std::lock_guard guard(hitsMutex_);
  ++hitsDropped_;
  std::erase_if(hits_, [&](const auto& entry) {
    return !entry.second.byDocument && (entry.second.kernel == id || entry.second.name == name);
  });
}

Result<BestResult> Service::best(const protocol::BestRequest& request, const std::string& user) {
  uint64_t asOf = hitsDropped();
  if (auto sound = checkBudget(request.budget); !sound) return fail(sound.error());
  if (!(request.wait >= 0)) return fail(ErrorKind::InvalidInput, "wait: seconds are at least 0");
  auto what =
      resolve(request.kernel, request.document, request.sizes, request.device, user, request.objective);
  if (!what) return fail(what.error());
  // What its own document had forgotten was about names and ids.
  if (!request.document.empty()) asOf = hitsDropped();
  if (!request.without.empty()) return bestWithout(*what, request, numberOf(user));
  auto kept = stored(*what);
  if (!kept && kept.error().kind != ErrorKind::NotFound) return kept;
  if (kept && !kept->answer.stale) {
    ++metrics_.hits;
    kept->asOf = asOf;
    kept->byDocument = !request.document.empty();
    return kept;
  }
  ++(kept ? metrics_.staleAnswers : metrics_.misses);
  std::shared_ptr<Job> behind = jobs_.of(what->problem, what->kernel.sha, what->objective);
  auto last = store_->lastSearch(what->problem, questionOf(*what->kernel.kernel, what->objective));
  if (!last && last.error().kind != ErrorKind::NotFound) return fail(last.error());
  if (last && !last->failure.empty() && !behind && !kept)
    return fail(ErrorKind::Faulted, last->failure, "see the trials; tune with force to try them again");
  std::optional<Error> refused;
  if (request.tune && !behind && !store_->readOnly()) {
    protocol::TuneRequest tuning;
    tuning.budget = request.budget;
    tuning.device = request.device;
    tuning.objective = request.objective;
    auto started = start(*what, tuning, numberOf(user));
    // A device that cannot be had now takes no answer away.
    if (!started && started.error().kind != ErrorKind::Unavailable) return fail(started.error());
    if (started)
      behind = *started;
    else
      refused = started.error();
  }
  BestResult out{{}, behind, {}};
  if (kept) {
    out.answer = std::move(kept->answer);
  } else {
    auto answer = provisional(*what, request.sizes);
    if (!answer && !behind) return fail(refused ? *refused : answer.error());
    // With a tuning behind it, a default that does not compile is no reason to send the caller away
    // empty-handed.
    if (!answer) {
      out.error = answer.error();
      out.error->remedy = "a tuning is under way (job " + behind->spec().id + "); ask with wait";
      return out;
    }
    out.answer = std::move(*answer);
  }
  if (behind) out.answer.job = behind->spec().id;
  return out;
}

Result<protocol::JobStatus> Service::tune(const protocol::TuneRequest& request, const std::string& user) {
  auto what =
      resolve(request.kernel, request.document, request.sizes, request.device, user, request.objective);
  if (!what) return fail(what.error());
  auto job = start(*what, request, numberOf(user));
  if (!job) return fail(job.error());
  return (*job)->status();
}

/// Joins the equal job in flight, or keeps a new one in the store and queues it. With a record: takes up a
/// kept one.
Result<std::shared_ptr<Job>> Service::start(const Resolved& what, protocol::TuneRequest request,
                                            unsigned user, const store::JobRecord& record, int deaths) {
  // The document's own hash: an id may have several documents, and this one was asked.
  request.kernel = what.kernel.sha;
  request.document.clear();
  if (auto sizes = fromKey(what.problem.sizes)) request.sizes = *sizes;
  if (auto sound = check(request); !sound) return fail(sound.error());
  auto effort = effortNamed(request.effort);
  if (request.budget.seconds <= 0) request.budget.seconds = effort->seconds.value_or(options_.tuneSeconds);
  request.budget.seconds = std::min<double>(request.budget.seconds, options_.tuneSeconds);
  const auto joined = [&] {
    auto equal = jobs_.equal(request, what.problem);
    if (equal) ++metrics_.jobsJoined;
    return equal;
  };
  if (auto equal = joined()) return equal;
  const bool fresh = record.id.empty();
  if (fresh)
    if (auto room = jobs_.room(user); !room) return fail(room.error());
  auto kernel = restricted(*what.kernel.kernel, request.only);
  if (!kernel) return fail(kernel.error());
  // Without the lock: the costliest constraints that are allowed take it seconds, which others need not wait
  // for.
  auto space = Space::enumerate(*kernel, request.sizes, ignoredOn(*what.device), what.device->info.compilers);
  if (!space) return fail(space.error());
  std::lock_guard guard(starting_);
  if (auto equal = joined()) return equal;
  auto on = deviceFor(what, request.device);
  if (!on) return fail(on.error());
  const protocol::TuneRequest asked = request; // the next daemon may choose another device
  request.device = (*on)->info.id;
  if (ending_) return fail(ErrorKind::Unavailable, "the daemon is stopping", "ask again when it is back");
  if (fresh)
    if (auto room = jobs_.room(user); !room) return fail(room.error());
  std::string strategy = request.strategy;
  // Configurations that were listed one by one are all wanted.
  if (strategy.empty())
    strategy = request.only.empty() && !request.built && !request.anyAddress
                   ? strategyFor(*effort, space->total())
                   : "exhaustive";
  auto job =
      std::make_shared<Job>(JobSpec{fresh ? newId() : record.id, request, what.kernel.kernel, what.problem,
                                    static_cast<int64_t>(space->size()), strategy,
                                    fresh ? unixNow() : record.created, user, deaths, asked.device.empty()});
  if (fresh) {
    auto kept =
        store_->putJob({job->spec().id, name(JobState::Queued), protocol::toText(asked), "", 0, user});
    if (!kept) return fail(kept.error());
  }
  ++metrics_.jobsStarted;
  jobs_.add(job);
  return job;
}

Crew Service::crewOf(const KnownDevice& device) {
  return {&compilers_,
          measurers_.at(device.info.id).get(),
          &gate_,
          {options_.compileSeconds, options_.measureSeconds},
          &watch_,
          options_.quietSeconds,
          options_.tuneSeconds};
}

/// A job that may run anywhere leaves a device that is out of use for one of the same kind that is not.
bool Service::moveElsewhere(Job& job) {
  const std::string from = job.device();
  if (!job.spec().anyDevice || ending_ || job.stopToken().stop_requested() || !watch_.out(from)) return false;
  const KnownDevice* least = nullptr;
  for (const KnownDevice& device : devices_)
    if (const std::string& id = device.info.id; id != from && device.target.id == job.spec().problem.target &&
                                                !watch_.out(id) &&
                                                (!least || jobs_.load(id) < jobs_.load(least->info.id)))
      least = &device;
  if (!least) return false;
  spdlog::warn("job {}: {} is out of use; it goes to {}", job.spec().id, from, least->info.id);
  (void)store_->setJob(job.spec().id, name(JobState::Queued), std::to_string(job.spec().deaths));
  jobs_.move(job, least->info.id);
  return true;
}

void Service::run(Job& job) {
  if (moveElsewhere(job)) return;
  auto known = kernels_.find(job.spec().request.kernel, std::to_string(job.spec().user));
  auto on = device(job.device());
  if (!known || !on) {
    const Error error = known ? on.error() : known.error();
    (void)store_->setJob(job.spec().id, name(JobState::Failed), error.text());
    job.finish(JobState::Failed, {}, error);
    return;
  }
  tuning_.run(job, kernels_.on(*known, (*on)->info), **on, crewOf(**on));
  endedLater(job);
  collect();
}

/// Binaries of losers are kept for a while: a search that goes on, or asks more strictly, finds them.
void Service::collect() {
  constexpr double hour = 3600, day = 24 * hour;
  const double now = unixNow();
  if (now - collected_ < hour) return;
  collected_ = now;
  const auto ending = [this] { return ending_.load(); };
  auto gone = store_->collect(options_.artefactBytes, now - options_.artefactDays * day, ending);
  if (!gone && ending_) return; // the next daemon goes on with it
  if (!gone) return spdlog::warn("binaries could not be collected: {}", gone.error().text());
  if (gone->artefacts > 0)
    spdlog::info("{} binaries of {} bytes that won nothing were dropped", gone->artefacts, gone->bytes);
  auto history = store_->collectHistory(options_.historyRows, now - options_.historyDays * day, ending);
  if (!history && ending_) return;
  if (!history) return spdlog::warn("history could not be collected: {}", history.error().text());
  if (history->measurements + history->jobs + history->builds > 0)
    spdlog::info("{} measurements, {} builds and {} jobs that no answer rests on were dropped",
                 history->measurements, history->builds, history->jobs);
}

Result<std::shared_ptr<Job>> Service::job(const std::string& id) const {
  if (auto found = jobs_.find(id)) return found;
  return fail(ErrorKind::NotFound, "there is no job '" + id + "'",
              "finished jobs are forgotten after a while");
}

Result<protocol::JobStatus> Service::cancel(const std::string& id) {
  auto found = job(id);
  if (!found) return fail(found.error());
  Result<void> kept;
  jobs_.cancel(*found, [&] {
    kept = store_->setJob(id, name(JobState::Cancelled), "");
    ++metrics_.jobsCancelled;
  });
  if (!kept) return fail(kept.error());
  return (*found)->status();
}

} // namespace tuned
