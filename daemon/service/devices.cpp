#include "daemon/service/devices.h"

#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/worker_pool/pool.h"

#include <nlohmann/json.hpp>

namespace tuned {

namespace {
/// A driver that hangs while it starts must not keep the daemon from serving the other devices' cache.
constexpr double discoverySeconds = 60;
} // namespace

store::TargetRecord targetOf(const DeviceInfo& info, const std::string& build, const std::string& assembler) {
  nlohmann::json hardware = {{"name", info.name},
                             {"architecture", info.architecture},
                             {"multiprocessors", info.multiprocessors},
                             {"memory_bytes", info.memoryBytes}};
  nlohmann::json whole = {
      {"hardware", hardware}, {"driver", info.driver}, {"assembler", assembler}, {"build", build}};
  // The id ("cuda:0") is where the device is plugged in, not what it is: two equal cards share their winners.
  return {sha256(whole.dump()), sha256(hardware.dump()), info.id, whole.dump(),
          toolchainId(info.architecture, build, assembler)};
}

Result<FoundDevices> findDevices(const std::string& worker, const std::vector<std::string>& only,
                                 std::stop_token stop) {
  auto pool = std::make_shared<WorkerPool>(PoolOptions{{worker, {"devices", "--channel"}}, 1, true});
  auto answer = pool->call("devices", {{"op", "devices"}}, discoverySeconds, stop);
  if (!answer) return fail(answer.error());
  std::vector<KnownDevice> found;
  for (const auto& entry : answer->at("devices")) {
    auto info = model::fromJson<DeviceInfo>(entry);
    if (!info) return fail(info.error());
    bool wanted = only.empty() || std::find(only.begin(), only.end(), info->id) != only.end();
    if (wanted)
      found.push_back({*info, targetOf(*info, answer->value("build", ""), answer->value("assembler", ""))});
  }
  for (const std::string& id : only)
    if (std::none_of(found.begin(), found.end(), [&](const auto& device) { return device.info.id == id; }))
      return fail(ErrorKind::NotFound, "there is no device '" + id + "' on this machine",
                  "tuned-worker devices lists what there is");
  return FoundDevices{std::move(found), answer->value("notices", std::vector<std::string>()),
                      std::move(pool)};
}

} // namespace tuned
