#include "backend/runtime/kernel.h"

#include "backend/runtime/cpu/kernel.h"
#include "backend/runtime/cuda/kernel.h"
#include "base/model/launch_check.h"

#include <charconv>

namespace tuned::runtime {

Result<std::unique_ptr<Kernel>> loadKernel(const std::string& format, std::string_view bytes,
                                           const LaunchMetadata& launch, const std::string& device) {
  for (const ParameterSlot& slot : launch.parameters)
    if (slot.kind == ParameterKind::TensorMap ? !slot.map || device == "cpu" : slot.sizeBytes > 8)
      return fail(ErrorKind::Unsupported,
                  "'" + launch.symbol + "' takes a parameter of " + std::to_string(slot.sizeBytes) +
                      " bytes, which this library cannot make for " + device,
                  "exclude such configurations from the space");
  if (auto sound = checkLaunchable(launch); !sound)
    return fail(ErrorKind::InvalidInput, "'" + launch.symbol + "': launch." + sound.error().message,
                sound.error().remedy);
  if (format == "object" && device == "cpu") return cpu::makeKernel(bytes, launch);
  int index = -1;
  if (format == "cubin" && device.starts_with("cuda:")) {
    auto [end, error] = std::from_chars(device.data() + 5, device.data() + device.size(), index);
    if (error == std::errc() && end == device.data() + device.size() && index >= 0)
      return cuda::makeKernel(bytes, launch, index);
  }
  return fail(ErrorKind::InvalidInput,
              "a binary of format '" + format + "' cannot be loaded on '" + device + "'",
              "objects are for cpu, cubins for cuda:0, cuda:1, …");
}

} // namespace tuned::runtime
