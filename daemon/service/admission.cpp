#include "daemon/service/admission.h"

#include <fstream>
#include <limits>
#include <string>

namespace tuned {

namespace {
/// Below this every machine has room, and nobody need ask.
constexpr int64_t small = int64_t{64} << 20;
/// What a measure worker takes of the host for each byte of buffers: 2.7 were measured.
constexpr double hostFactor = 3;
/// Share of the memory that buffers may take: of a GPU as tuner/measure/workbench has it; of the host because
/// its measure worker is limited to three quarters (daemon/worker/measure.cpp).
constexpr double deviceShare = 0.9, hostShare = 0.75;

/// Bytes that the host can give without swapping; all there are when it does not say.
int64_t availableBytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string key; file >> key;) {
    if (key == "MemAvailable:") {
      int64_t kibibytes = 0;
      if (file >> kibibytes) return kibibytes * 1024;
    }
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::numeric_limits<int64_t>::max();
}

std::unexpected<Error> tooLarge(int64_t bytes, const std::string& where, double room) {
  return fail(ErrorKind::OutOfResources,
              "the buffers take " + std::to_string(bytes) + " bytes, " + where + " has room for " +
                  std::to_string(static_cast<int64_t>(room)),
              "ask for smaller sizes");
}
} // namespace

Result<void> checkRoom(int64_t bufferBytes, const DeviceInfo& device) {
  if (bufferBytes <= small && bufferBytes <= device.memoryBytes / 4) return {};
  const bool host = device.id == "cpu";
  const double onDevice =
      static_cast<double>(device.memoryBytes) * (host ? hostShare / hostFactor : deviceShare);
  if (static_cast<double>(bufferBytes) > onDevice) return tooLarge(bufferBytes, device.id, onDevice);
  const double onHost = static_cast<double>(availableBytes()) / hostFactor;
  if (static_cast<double>(bufferBytes) > onHost)
    return tooLarge(bufferBytes, "the host's free memory", onHost);
  return {};
}

} // namespace tuned
