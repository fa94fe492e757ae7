// The part of the service that measures what was built elsewhere or ahead.
#include "base/clock.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/service.h"

#include <spdlog/spdlog.h>

namespace tuned {

namespace {
/// Jobs of this kind queued for a device at a time: users' jobs come in their turn, and a cache of a million
/// builds is not kept in memory.
constexpr size_t mostWaiting = 4;
/// Problems that the store is asked for at a time.
constexpr int64_t slice = 32;
} // namespace

/// Problems that have builds which load on a device of ours, and no measurement on it, are tuned over those
/// builds: nothing is compiled for that.
void Service::measureLater() {
  if (store_->readOnly()) return;
  for (const KnownDevice& device : devices_)
    feedLater(device);
}

void Service::imported() {
  kernels_.drop();
  provisional_.drop();
  dropHits();
  {
    std::lock_guard guard(laterMutex_);
    later_.reached.clear(); // builds may have come to problems that were passed by
  }
  measureLater();
}

/// Devices of one kind take from one list, so that they share the work.
void Service::feedLater(const KnownDevice& device) {
  // What was measured on this hardware before an upgrade is told by what the store knows of the device.
  if (auto known = store_->putTarget(device.target); !known)
    return spdlog::warn("builds without a measurement were not looked for: {}", known.error().text());
  std::lock_guard guard(laterMutex_);
  auto& jobs = later_.jobs[device.info.id];
  int64_t& reached = later_.reached[device.target.id];
  // What a device that is out of use cannot do stays for when it is back, or for another of its kind.
  while (jobs.size() < mostWaiting && !ending_ && !watch_.out(device.info.id)) {
    auto problems = store_->unmeasured(device.info.architecture, device.target.id, reached, slice);
    if (!problems)
      return spdlog::warn("builds without a measurement were not looked for: {}", problems.error().text());
    if (problems->empty()) return;
    for (const auto& [number, kernel, sizes] : *problems) {
      if (jobs.size() >= mostWaiting || ending_) return;
      auto values = fromKey(sizes);
      // What a tuning has just built it measures, too.
      if (!values || jobs_.anyOf(kernel, sizes)) {
        reached = number;
        continue;
      }
      protocol::TuneRequest request;
      request.kernel = kernel;
      request.sizes = *values;
      request.device = device.info.id;
      request.built = true;
      if (auto job = tune(request)) {
        spdlog::info("job {}: builds of {} {} were here without a measurement", job->id, job->kernelName,
                     sizes);
        jobs.insert(job->id);
      } else if (job.error().kind == ErrorKind::Unavailable ||
                 job.error().kind == ErrorKind::OutOfResources) {
        return; // not now
      } else {
        spdlog::warn("builds of {} {} are not measured: {}", kernel.substr(0, 12), sizes, job.error().text());
      }
      reached = number;
    }
  }
}

void Service::endedLater(const Job& job) {
  {
    std::lock_guard guard(laterMutex_);
    const auto jobs = later_.jobs.find(job.device());
    if (jobs == later_.jobs.end()) return; // nothing is measured later here
    if (jobs->second.erase(job.spec().id) > 0 && job.status().state == "done") {
      const double seconds = secondsSince(started_);
      spdlog::info("job {}: {} {} measured from builds that were here, {:.1f} s after the start",
                   job.spec().id, job.spec().kernel->name, job.spec().problem.sizes, seconds);
    }
  }
  // After any job: one that could not be queued before, or a device that is back, is thought of again.
  if (auto on = device(job.device())) feedLater(**on);
}

} // namespace tuned
