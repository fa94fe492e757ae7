// The part of the service that shows what there is.
#include "base/clock.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/service.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <shared_mutex>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace tuned {

namespace {
/// Points of the space without its sizes; constraints over sizes are counted as they stand.
int64_t points(const Kernel& kernel) {
  constexpr int64_t most = int64_t{1} << 62;
  int64_t product = 1;
  for (const KernelParameter& parameter : kernel.parameters) {
    const auto count = static_cast<int64_t>(parameter.values.size());
    if (product > most / count) return most;
    product *= count;
  }
  return product;
}
} // namespace

Result<protocol::KernelInfo> Service::submit(const std::string& document, const std::string& user) {
  auto known = take(document, user);
  if (!known) return fail(known.error());
  return toProtocol(*known->kernel, known->sha, points(*known->kernel));
}

Result<protocol::KernelInfo> Service::kernel(const std::string& idOrName, const std::string& user) {
  auto known = kernels_.find(idOrName, user);
  if (!known) return fail(known.error());
  return toProtocol(*known->kernel, known->sha, points(*known->kernel));
}

namespace {
std::unexpected<Error> noPlace(const std::string& after) {
  return fail(ErrorKind::InvalidInput, "query: after: '" + after + "' was not the next of any page",
              "take it from the page before, or list from the start");
}

/// Reads the number that a page of a list gave as its next, up to `end`.
Result<int64_t> numberBehind(const std::string& after, size_t end) {
  int64_t number = 0;
  const char* last = after.data() + std::min(end, after.size());
  const auto [stop, error] = std::from_chars(after.data(), last, number);
  if (error == std::errc() && stop == last && number > 0) return number;
  return noPlace(after);
}
} // namespace

/// The place in the list is told as "SHA256-NAME".
Result<protocol::KernelList> Service::kernels(int64_t limit, const std::string& after) {
  constexpr size_t hash = 64;
  store::DocumentPage::Place behind;
  if (!after.empty()) {
    if (after.size() <= hash + 1 || after[hash] != '-') return noPlace(after);
    behind = {after.substr(hash + 1), after.substr(0, hash)};
  }
  auto known = kernels_.list(behind, limit);
  if (!known) return fail(known.error());
  protocol::KernelList out;
  for (const KnownKernel& one : known->kernels)
    out.kernels.push_back(toProtocol(*one.kernel, one.sha, points(*one.kernel)));
  if (!known->next.sha.empty()) out.next = known->next.sha + "-" + known->next.name;
  return out;
}

Result<protocol::JobList> Service::jobs(size_t limit, const std::string& after) const {
  protocol::JobList out;
  bool begun = after.empty();
  for (const auto& job : jobs_.list()) {
    if (begun && out.jobs.size() == limit) {
      out.next = out.jobs.back().id;
      break;
    }
    if (begun)
      out.jobs.push_back(job->status());
    else
      begun = job->spec().id == after;
  }
  if (!begun)
    return fail(ErrorKind::NotFound, "after: there is no job '" + after + "'",
                "finished jobs are forgotten after a while: list from the start");
  return out;
}

/// For a list that came out empty: a misspelt filter is no answer.
Result<void> Service::knownAtAll(const std::string& kernel, const std::string& device) {
  if (!kernel.empty())
    if (auto known = kernels_.find(kernel, ""); !known) return fail(known.error());
  const auto named = [&](const auto& target) { return target.id == device || target.device == device; };
  if (device.empty() || std::ranges::any_of(devices_, named, &KnownDevice::target)) return {};
  auto targets = store_->targets();
  if (!targets) return fail(targets.error());
  if (std::ranges::any_of(*targets, named)) return {};
  auto here = this->device(device);
  return here ? Result<void>() : fail(here.error());
}

Result<protocol::TrialList> Service::trials(const store::Filter& filter, int64_t limit,
                                            const std::string& after) {
  const auto before = after.empty() ? Result<int64_t>(0) : numberBehind(after, after.size());
  if (!before) return fail(before.error());
  auto page = store_->measurements(filter, limit, *before);
  if (!page) return fail(page.error());
  protocol::TrialList out;
  for (const store::MeasurementRecord& row : page->measurements)
    // A finalist was announced and listed when it was first timed.
    if (!row.finalist) out.trials.push_back(row.measurement);
  if (page->next > 0) out.next = std::to_string(page->next);
  if (out.trials.empty() && after.empty())
    if (auto known = knownAtAll(filter.kernel, filter.device); !known) return fail(known.error());
  return out;
}

Result<protocol::WinnerList> Service::winners(const std::string& kernel, const std::string& device,
                                              int64_t limit, const std::string& after) {
  store::DecidedPage::Place behind;
  if (!after.empty()) {
    // "NUMBER-TARGET"
    const size_t dash = after.find('-');
    const auto number = numberBehind(after, dash == std::string::npos ? 0 : dash);
    if (!number) return fail(number.error());
    behind = {*number, after.substr(dash + 1)};
  }
  auto page = store_->decided({kernel, "", device}, limit, behind);
  if (!page) return fail(page.error());
  protocol::WinnerList out;
  if (page->next.problem > 0) out.next = std::to_string(page->next.problem) + "-" + page->next.target;
  for (const store::ProblemKey& problem : page->problems) {
    auto known = kernels_.find(problem.kernel, "");
    auto present =
        std::ranges::find(devices_, problem.target, [](const KnownDevice& one) { return one.target.id; });
    // What is told of a device that is not here needs no more of it than its name, which the row has.
    const bool here = present != devices_.end();
    const KnownDevice* on = here ? &*present : devices_.empty() ? nullptr : &devices_[0];
    if (!known || !on) continue;
    const Resolved what{here ? kernels_.on(*known, on->info) : *known, on, problem};
    auto record = chosen(what);
    auto answer = record ? told(what, *record) : fail(record.error());
    if (!answer) continue;
    answer->device = record->measurement.device;
    answer->stale = !here;
    out.winners.push_back(std::move(*answer));
  }
  if (out.winners.empty() && after.empty())
    if (auto known = knownAtAll(kernel, device); !known) return fail(known.error());
  return out;
}

Result<store::ArtefactRecord> Service::artefact(const std::string& sha) {
  auto stored = store_->artefact(sha);
  if (stored) return stored;
  if (auto held = provisional_.artefact(sha)) return *held;
  // It may have been dropped just now for a wrong checksum: what was remembered of it must go too.
  if (stored.error().kind == ErrorKind::NotFound) dropHits();
  return stored;
}

protocol::DeviceList Service::devices() const {
  protocol::DeviceList out;
  for (const KnownDevice& device : devices_) {
    static_cast<DeviceInfo&>(out.devices.emplace_back()) = device.info;
    protocol::DeviceStatus& status = out.devices.back();
    if (auto job = jobs_.running(device.info.id)) status.job = job->spec().id;
    if (auto why = watch_.out(device.info.id)) {
      status.available = false;
      status.reason = *why;
    }
    if (auto seen = watch_.last(device.info.id)) {
      status.state = seen->state;
      status.stateAge = secondsSince(seen->at);
    }
  }
  return out;
}

Result<protocol::DeviceList> Service::wake(const std::string& id) {
  auto known = device(id);
  if (!known) return fail(known.error());
  if (!watch_.paused() && !watch_.out(id)) {
    jobs_.expect(id);
    if (auto awake = measurers_.at(id)->wake(); !awake) return fail(awake.error());
    const nlohmann::json ready = {{"op", "wake"}, {"target", (*known)->info.architecture}};
    // Not beside a CPU that is timed, which has the cores alone: the tuning starts those that it needs.
    if (const std::shared_lock cores(gate_, std::try_to_lock); cores)
      if (auto awake = compilers_.wake(ready); !awake) return fail(awake.error());
  }
  return devices();
}

Result<protocol::ServiceStatus> Service::pause(bool paused) {
  if (watch_.paused() != paused) spdlog::info("tunings {}", paused ? "are paused" : "go on");
  watch_.pause(paused);
  return status();
}

Result<protocol::ServiceStatus> Service::status() {
  auto counts = store_->counts();
  if (!counts) return fail(counts.error());
  protocol::ServiceStatus out;
  out.version = TUNED_VERSION;
  out.pid = ::getpid();
  out.uptimeSeconds = secondsSince(started_);
  out.socket = options_.socket;
  out.cache = store_->path();
  out.cacheBytes = counts->bytes;
  out.kernels = counts->kernels;
  out.readOnly = store_->readOnly();
  out.trials = counts->measurements;
  out.winners = counts->winners;
  out.builds = counts->builds;
  out.artefacts = counts->artefacts;
  for (const auto& job : jobs_.list()) {
    auto state = job->status().state;
    out.jobsRunning += state == "running";
    out.jobsQueued += state == "queued";
  }
  out.compileWorkers = compilers_.slots();
  auto why = unready();
  out.ready = !why;
  out.paused = watch_.paused();
  if (!looking_) out.problems = problems_;
  for (const std::string& notice : store_->notices())
    out.problems.push_back(notice);
  if (why) out.problems.push_back(*why);
  if (!looking_) out.devices = devices().devices;
  for (const protocol::DeviceStatus& device : out.devices)
    if (!device.available) out.problems.push_back("device " + device.id + " is out of use: " + device.reason);
  return out;
}

std::optional<std::string> Service::unready() const {
  if (ending_) return "the daemon is stopping";
  if (looking_) return "looking for devices";
  if (auto why = store_->displaced()) return why;
  if (devices_.empty()) return "no device can be used";
  return std::nullopt;
}

namespace {
/// Of one device, as it was seen last.
void addGauges(std::map<std::string, double>& gauges, const std::string& device, bool available,
               const std::optional<DeviceWatch::Seen>& seen) {
  const std::string label = "{device=\"" + device + "\"}";
  gauges["device_available" + label] = available;
  if (!seen) return;
  auto add = [&](const char* name, const auto& value) {
    if (value) gauges[name + label] = static_cast<double>(*value);
  };
  add("device_clock_mhz", seen->state.clockMegahertz);
  add("device_celsius", seen->state.celsius);
  add("device_watts", seen->state.watts);
  add("device_others_percent", seen->state.othersPercent);
  gauges["device_slowed" + label] = !seen->state.slowed.empty();
}
} // namespace

std::string Service::metricsText() {
  int64_t running = 0, queued = 0;
  double oldest = 0;
  for (const auto& job : jobs_.list()) {
    auto state = job->status().state;
    running += state == "running";
    queued += state == "queued";
    if (state == "queued") oldest = std::max(oldest, unixNow() - job->spec().created);
  }
  std::error_code error;
  const auto cacheBytes = std::filesystem::file_size(store_->path(), error);
  std::map<std::string, double> gauges = {{"jobs_running", running},
                                          {"jobs_queued", queued},
                                          {"compile_workers_running", compilers_.running()},
                                          {"worker_crashes", static_cast<double>(compilers_.crashes())},
                                          {"job_oldest_queued_seconds", oldest},
                                          {"paused", watch_.paused()},
                                          {"cache_bytes", error ? 0.0 : static_cast<double>(cacheBytes)},
                                          {"connections_open", static_cast<double>(metrics_.connectionsOpen)},
                                          {"uptime_seconds", secondsSince(started_)}};
  if (!looking_) {
    for (const auto& [device, pool] : measurers_) {
      gauges["worker_crashes"] += static_cast<double>(pool->crashes());
      gauges["worker_timeouts"] += static_cast<double>(pool->timeouts());
    }
    for (const KnownDevice& device : devices_)
      addGauges(gauges, device.info.id, !watch_.out(device.info.id), watch_.last(device.info.id));
  }
  gauges["worker_timeouts"] += static_cast<double>(compilers_.timeouts());
  return metrics_.text(gauges);
}

} // namespace tuned
