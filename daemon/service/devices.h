// The devices of this machine as the worker program sees them: the daemon itself loads no driver.
#pragma once

#include "backend/device.h"
#include "base/error.h"
#include "daemon/store/records.h"

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace tuned {

/// A device and its identity in the cache.
struct KnownDevice {
  DeviceInfo info;
  store::TargetRecord target;
};

struct FoundDevices {
  std::vector<KnownDevice> devices;
  std::vector<std::string> notices; ///< what the worker has to say of this machine
  std::shared_ptr<void> asked;      ///< the worker, whose end takes a moment that nobody need wait for
};

/// Asks the worker program; keeps those named in `only` (all when empty). NotFound when one named is not
/// there. Takes seconds where a driver starts; Denied at once when `stop` is requested.
Result<FoundDevices> findDevices(const std::string& worker, const std::vector<std::string>& only,
                                 std::stop_token stop = {});

/// The identity of a device with this toolchain: `build` is our compiler's, `assembler` the toolkit's
/// version.
store::TargetRecord targetOf(const DeviceInfo& info, const std::string& build, const std::string& assembler);

} // namespace tuned
