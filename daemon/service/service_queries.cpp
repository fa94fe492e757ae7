// The part of the service that shows what there is.
#include "client/protocol/json.h"
#include "daemon/service/convert.h"
#include "daemon/service/service.h"

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

Result<protocol::KernelInfo> Service::submit(const std::string& document) {
  auto known = kernels_.submit(document);
  if (!known) return fail(known.error());
  dropHits(known->id);
  dropHits(known->kernel->name); // it may have meant another kernel
  return toProtocol(*known->kernel, points(*known->kernel));
}

Result<protocol::KernelInfo> Service::kernel(const std::string& idOrName) {
  auto known = kernels_.find(idOrName);
  if (!known) return fail(known.error());
  return toProtocol(*known->kernel, points(*known->kernel));
}

Result<protocol::KernelList> Service::kernels() {
  auto known = kernels_.list();
  if (!known) return fail(known.error());
  protocol::KernelList out;
  for (const KnownKernel& one : *known)
    out.kernels.push_back(toProtocol(*one.kernel, points(*one.kernel)));
  return out;
}

protocol::JobList Service::jobs(size_t limit, const std::string& after) const {
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
  return out;
}

Result<protocol::TrialList> Service::trials(const std::string& kernel, const std::string& device,
                                            int64_t limit) {
  auto rows = store_->listTrials(kernel, device, limit);
  if (!rows) return fail(rows.error());
  protocol::TrialList out;
  for (const store::TrialRow& row : *rows) {
    auto sizes = fromKey(row.problem.sizes);
    auto trial = fromRecord(row.trial);
    if (sizes && trial)
      out.trials.push_back(toProtocol(*trial, row.problem, *sizes, row.device, row.trial.created));
  }
  return out;
}

Result<protocol::WinnerList> Service::winners(const std::string& kernel, const std::string& device) {
  auto rows = store_->winners(kernel, device);
  if (!rows) return fail(rows.error());
  protocol::WinnerList out;
  for (const store::WinnerRecord& row : *rows) {
    auto answer = protocol::fromText<protocol::Answer>(row.body);
    if (!answer) continue;
    answer->stale = std::none_of(devices_.begin(), devices_.end(), [&](const KnownDevice& present) {
      return present.target.id == row.problem.target;
    });
    out.winners.push_back(std::move(*answer));
  }
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
    out.devices.push_back(toProtocol(device.info));
    if (auto job = jobs_.running(device.info.id)) out.devices.back().job = job->spec().id;
  }
  return out;
}

Result<protocol::ServiceStatus> Service::status() {
  auto counts = store_->counts();
  if (!counts) return fail(counts.error());
  protocol::ServiceStatus out;
  out.version = TUNED_VERSION;
  out.pid = ::getpid();
  out.uptimeSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  out.socket = options_.socket;
  out.cache = store_->path();
  out.cacheBytes = counts->bytes;
  out.kernels = counts->kernels;
  out.trials = counts->trials;
  out.winners = counts->winners;
  out.artefacts = counts->artefacts;
  for (const auto& job : jobs_.list()) {
    auto state = job->status().state;
    out.jobsRunning += state == "running";
    out.jobsQueued += state == "queued";
  }
  out.compileWorkers = compilers_.slots();
  auto why = unready();
  out.ready = !why;
  if (!looking_) out.problems = problems_;
  for (const std::string& notice : store_->notices())
    out.problems.push_back(notice);
  if (why) out.problems.push_back(*why);
  if (!looking_) out.devices = devices().devices;
  return out;
}

std::optional<std::string> Service::unready() const {
  if (ending_) return "the daemon is stopping";
  if (looking_) return "looking for devices";
  if (devices_.empty()) return "no device can be used";
  return std::nullopt;
}

std::string Service::metricsText() {
  int64_t running = 0, queued = 0;
  for (const auto& job : jobs_.list()) {
    auto state = job->status().state;
    running += state == "running";
    queued += state == "queued";
  }
  std::map<std::string, double> gauges = {
      {"jobs_running", running},
      {"jobs_queued", queued},
      {"compile_workers_running", compilers_.running()},
      {"worker_crashes", static_cast<double>(compilers_.crashes())},
      {"connections_open", static_cast<double>(metrics_.connectionsOpen)},
      {"uptime_seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count()}};
  if (!looking_) {
    for (const auto& [device, pool] : measurers_) {
      gauges["worker_crashes"] += static_cast<double>(pool->crashes());
      gauges["worker_timeouts"] += static_cast<double>(pool->timeouts());
    }
  }
  gauges["worker_timeouts"] += static_cast<double>(compilers_.timeouts());
  return metrics_.text(gauges);
}

} // namespace tuned
