#include "daemon/service/service.h"

#include "client/protocol/json.h"
#include "daemon/service/admission.h"
#include "daemon/service/convert.h"
#include "tuner/search/space.h"
#include "tuner/search/strategy.h"

#include <algorithm>
#include <random>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace tuned {

namespace {
/// Texts of hits kept in memory.
constexpr size_t hitsKept = 1024;
constexpr size_t longestHit = 64 * 1024;
/// Daemons that may die while they run a job before it is not taken up any more.
constexpr int mostDeaths = 3;

std::string newId() {
  std::random_device random;
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

PoolOptions compilePool(const Options& options) {
  return {{options.worker, {"compile", "--memory", std::to_string(options.compileMemory)}},
          options.compileWorkers,
          true};
}
} // namespace

Service::Service(Options options, std::unique_ptr<store::Store> store)
    : options_(std::move(options)), store_(std::move(store)), kernels_(*store_),
      compilers_(compilePool(options_)), tuning_(*store_, metrics_, [this] { return ending_.load(); }),
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
  if (ending_.exchange(true)) return;
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
        {options_.worker, {"measure", "--device", device.info.id}}, 1, false, device.info.id == "cpu"});
  // Before any request: one for the same tuning joins the one that is taken up.
  resume();
  looking_ = false;
}

void Service::resume() {
  auto unfinished = store_->unfinishedJobs();
  if (!unfinished) return spdlog::error("{}", unfinished.error().text());
  for (const store::JobRecord& record : *unfinished) {
    // A daemon that ends as it should leaves its jobs queued: this one died.
    const int deaths = std::atoi(record.outcome.c_str()) + (record.state == name(JobState::Running) ? 1 : 0);
    if (deaths >= mostDeaths) {
      const std::string why = std::to_string(deaths) + " daemons died while they ran it";
      spdlog::error("job {} is set aside: {}", record.id, why);
      (void)store_->setJob(record.id, name(JobState::Failed), why);
      continue;
    }
    auto request = protocol::fromText<protocol::TuneRequest>(record.request);
    auto what =
        request ? resolve(request->kernel, "", request->sizes, request->device) : fail(request.error());
    auto job = what ? start(*what, *request, ::geteuid(), record.id, deaths) : fail(what.error());
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

Result<Service::Resolved> Service::resolve(const std::string& kernel, const std::string& document,
                                           const protocol::Values& sizes, const std::string& deviceId) {
  if (kernel.empty() == document.empty())
    return fail(ErrorKind::InvalidInput, "give either 'kernel' (an id or a name) or 'document'");
  auto known = document.empty() ? kernels_.find(kernel) : kernels_.submit(document);
  if (!known) return fail(known.error());
  auto on = device(deviceId);
  if (!on) return fail(on.error());
  if (auto sound = checkSizes(*known->kernel, sizes); !sound) return fail(sound.error());
  auto bytes = totalBytes(*known->kernel, sizes);
  if (!bytes) return fail(bytes.error());
  if (auto room = checkRoom(*bytes, (*on)->info); !room) return fail(room.error());
  if (auto kept = store_->putTarget((*on)->target); !kept) return fail(kept.error());
  return Resolved{*known, *on, {known->id, toKey(sizes), (*on)->target.id}};
}

std::shared_ptr<const std::string> Service::hit(const std::string& requestText) {
  std::lock_guard guard(hitsMutex_);
  auto found = hits_.find(requestText);
  if (found == hits_.end()) return nullptr;
  ++metrics_.hits;
  return found->second.answer;
}

void Service::remember(const std::string& requestText, const protocol::Answer& answer) {
  // An answer with a tuning behind it changes soon.
  if (answer.source != "cache" || answer.stale || !answer.job.empty() || requestText.size() > longestHit)
    return;
  std::lock_guard guard(hitsMutex_);
  if (hits_.size() >= hitsKept) hits_.clear();
  hits_[requestText] = {answer.kernel, answer.kernelName,
                        std::make_shared<const std::string>(protocol::toText(answer))};
}

void Service::dropHits(const std::string& idOrName) {
  std::lock_guard guard(hitsMutex_);
  std::erase_if(hits_, [&](const auto& entry) {
    return idOrName.empty() || entry.second.kernel == idOrName || entry.second.name == idOrName;
  });
}

/// The winner for the problem, checked; or a stale one, with stale set. NotFound otherwise.
Result<BestResult> Service::stored(const Resolved& what, const protocol::BestRequest&) {
  bool stale = false;
  auto winner = store_->winner(what.problem);
  if (!winner && winner.error().kind == ErrorKind::NotFound) {
    winner = store_->staleWinner(what.problem, what.device->target.hardware);
    stale = true;
  }
  if (!winner) return fail(winner.error());
  if (auto sound = store_->artefact(winner->artefact); !sound) {
    dropHits();
    return fail(sound.error());
  }
  auto answer = protocol::fromText<protocol::Answer>(winner->body);
  if (!answer)
    return fail(ErrorKind::NotFound, "the stored winner is of another form: " + answer.error().text());
  answer->device = what.device->info.id;
  answer->stale = stale;
  auto behind = jobs_.of(what.problem);
  if (behind) answer->job = behind->spec().id;
  return BestResult{std::move(*answer), behind};
}

Result<BestResult> Service::best(const protocol::BestRequest& request, unsigned user) {
  auto what = resolve(request.kernel, request.document, request.sizes, request.device);
  if (!what) return fail(what.error());
  auto kept = stored(*what, request);
  if (!kept && kept.error().kind != ErrorKind::NotFound) return kept;
  if (kept && !kept->answer.stale) {
    ++metrics_.hits;
    return kept;
  }
  ++(kept ? metrics_.staleAnswers : metrics_.misses);
  auto failure = store_->failure(what->problem);
  if (!failure) return fail(failure.error());
  std::shared_ptr<Job> behind = jobs_.of(what->problem);
  if (!failure->empty() && !behind)
    return fail(ErrorKind::Faulted, *failure, "see the trials; tune with force to try them again");
  if (request.tune && !behind) {
    protocol::TuneRequest tuning;
    tuning.budget = request.budget;
    auto started = start(*what, tuning, user);
    if (!started) return fail(started.error());
    behind = *started;
  }
  BestResult out{{}, behind};
  if (kept) {
    out.answer = std::move(kept->answer);
  } else {
    auto answer = provisional(*what, request.sizes);
    // With a tuning behind it, a default that does not compile is no reason to send the caller away
    // empty-handed.
    if (!answer && behind)
      answer.error().remedy = "a tuning is under way (job " + behind->spec().id + "); ask with wait";
    if (!answer) return fail(answer.error());
    out.answer = std::move(*answer);
  }
  if (behind) out.answer.job = behind->spec().id;
  return out;
}

Result<protocol::JobStatus> Service::tune(const protocol::TuneRequest& request, unsigned user) {
  auto what = resolve(request.kernel, request.document, request.sizes, request.device);
  if (!what) return fail(what.error());
  auto job = start(*what, request, user);
  if (!job) return fail(job.error());
  return (*job)->status();
}

/// Joins the equal job in flight, or keeps a new one in the store and queues it. With an id: takes up a kept
/// one.
Result<std::shared_ptr<Job>> Service::start(const Resolved& what, protocol::TuneRequest request,
                                            unsigned user, const std::string& id, int deaths) {
  request.kernel = what.kernel.id;
  request.document.clear();
  request.device = what.device->info.id;
  if (auto sizes = fromKey(what.problem.sizes)) request.sizes = *sizes;
  if (request.budget.seconds <= 0 || request.budget.seconds > options_.tuneSeconds)
    request.budget.seconds = options_.tuneSeconds;
  std::lock_guard guard(starting_);
  if (auto equal = jobs_.equal(request, what.problem)) {
    ++metrics_.jobsJoined;
    return equal;
  }
  if (ending_) return fail(ErrorKind::Unavailable, "the daemon is stopping", "ask again when it is back");
  if (id.empty())
    if (auto room = jobs_.room(user); !room) return fail(room.error());
  auto kernel = restricted(*what.kernel.kernel, request.only);
  if (!kernel) return fail(kernel.error());
  auto space =
      Space::enumerate(*kernel, request.sizes, ignoredOn(request.device), what.device->info.compilers);
  if (!space) return fail(space.error());
  if (auto strategy = makeStrategy(request.strategy, *space, 1); !strategy) return fail(strategy.error());
  auto job = std::make_shared<Job>(JobSpec{id.empty() ? newId() : id, request, what.kernel.kernel,
                                           what.problem, static_cast<int64_t>(space->size()), user, deaths});
  if (id.empty()) {
    auto kept = store_->putJob({job->spec().id, name(JobState::Queued), protocol::toText(request), "", 0});
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
          {options_.compileSeconds, options_.measureSeconds}};
}

void Service::run(Job& job) {
  auto known = kernels_.find(job.spec().problem.kernel);
  auto on = device(job.spec().request.device);
  if (!known || !on) {
    job.finish(JobState::Failed, {}, known ? on.error() : known.error());
    return;
  }
  tuning_.run(job, known->document, **on, crewOf(**on));
  dropHits(job.spec().problem.kernel);
}

Result<std::shared_ptr<Job>> Service::job(const std::string& id) const {
  if (auto found = jobs_.find(id)) return found;
  return fail(ErrorKind::NotFound, "there is no job '" + id + "'",
              "finished jobs are forgotten after a while");
}

Result<protocol::JobStatus> Service::cancel(const std::string& id) {
  auto found = job(id);
  if (!found) return fail(found.error());
  jobs_.cancel(*found);
  auto status = (*found)->status();
  if (status.state == name(JobState::Cancelled)) {
    ++metrics_.jobsCancelled;
    if (auto kept = store_->setJob(id, status.state, ""); !kept) return fail(kept.error());
  }
  return status;
}

} // namespace tuned
