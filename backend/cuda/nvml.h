// NVIDIA's management library (libnvidia-ml.so.1), opened at run time: clocks, temperature, power, energy and
// who else uses a device. Nothing here needs a context. Functions that a driver lacks leave their answers
// absent.
#pragma once

#include "base/error.h"
#include "base/model/device_state.h"

#include <memory>
#include <string>

namespace tuned::cuda {

class Management {
public:
  /// Of the GPU at this place on the bus, as cuDeviceGetPCIBusId names it ("0000:3B:00.0"). Where `uuid`
  /// ("7089d0f3-293f-58c9-8f8c-5ea666eedbde", as deviceUuid gives it) is a part of that GPU (MIG), others are
  /// those in this part, clocks and temperature are the whole GPU's, and energy, which is counted for all
  /// parts together, is absent. Unavailable: there is no such library, or it does not know the device.
  static Result<std::unique_ptr<Management>> open(const std::string& busId, const std::string& uuid = {});
  virtual ~Management() = default;

  /// Some ten microseconds a value. othersPercent covers the time since the last call. Of one thread.
  virtual DeviceState state() = 0;
  /// Energy since the driver was loaded, joules; absent before Volta. The counter moves about every 100 ms:
  /// differences over less say nothing.
  virtual std::optional<double> joules() const = 0;
};

} // namespace tuned::cuda
