// The part of the service that measures what was built elsewhere or ahead.
#include "daemon/service/convert.h"
#include "daemon/service/service.h"

#include <spdlog/spdlog.h>

namespace tuned {

/// Problems that have builds for a device of ours and no measurement on it are tuned over those builds:
/// nothing is compiled for that, since builds are asked of the store first.
void Service::measureLater() {
  std::map<std::string, const KnownDevice*> byToolchain;
  for (const KnownDevice& device : devices_)
    byToolchain.emplace(device.target.toolchain, &device);
  std::map<store::ProblemKey, std::pair<const KnownDevice*, std::vector<protocol::Values>>> waiting;
  auto walked = store_->eachBuild({}, [&](const store::BuildRecord& record) -> Result<void> {
    auto device = byToolchain.find(record.key.toolchain);
    if (!record.build.built() || !record.key.origin.empty() || device == byToolchain.end()) return {};
    auto configuration = fromKey(record.key.configuration);
    if (!configuration) return {};
    auto& [on, built] = waiting[{record.key.kernel, record.key.sizes, device->second->target.id}];
    on = device->second;
    built.push_back(std::move(*configuration));
    return {};
  });
  if (!walked)
    return spdlog::warn("builds without a measurement were not looked for: {}", walked.error().text());
  for (auto& [problem, work] : waiting) {
    auto standing = store_->standing(problem);
    auto sizes = fromKey(problem.sizes);
    if (ending_ || !standing || !standing->empty() || !sizes) continue;
    protocol::TuneRequest request;
    request.kernel = problem.kernel;
    request.sizes = *sizes;
    request.device = work.first->info.id;
    request.only = std::move(work.second);
    auto job = tune(request);
    if (!job) {
      spdlog::warn("{} builds of {} {} are not measured: {}", request.only.size(),
                   problem.kernel.substr(0, 12), problem.sizes, job.error().text());
      continue;
    }
    spdlog::info("job {}: {} builds of {} {} were here without a measurement", job->id, request.only.size(),
                 job->kernelName, problem.sizes);
    std::lock_guard guard(laterMutex_);
    later_.insert(job->id);
  }
}

void Service::saidLater(const Job& job) {
  std::lock_guard guard(laterMutex_);
  if (later_.erase(job.spec().id) == 0) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  spdlog::info("job {}: {} {} measured from builds that were here, {:.1f} s after the start", job.spec().id,
               job.spec().kernel->name, job.spec().problem.sizes, seconds);
}

} // namespace tuned
