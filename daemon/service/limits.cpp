#include "daemon/service/limits.h"

#include "base/model/multiprocessor.h"

#include <algorithm>

namespace tuned {

namespace {
void addOccupancy(protocol::Limits& out, const protocol::Answer& answer, const Multiprocessor& has,
                  int64_t multiprocessors) {
  const int64_t threads = answer.launch.threadsPerCta();
  constexpr int64_t warp = Multiprocessor::warp;
  if (threads < warp) return; // the binary says itself how many threads it starts
  const int64_t warps = (threads + warp - 1) / warp;
  const char* limit = "";
  out.ctasPerMultiprocessor =
      has.resident(threads, answer.resources.registers, answer.resources.sharedBytes, &limit);
  out.occupancyLimit = limit;
  out.occupancy = std::min(1.0, static_cast<double>(out.ctasPerMultiprocessor * warps * warp) /
                                    static_cast<double>(has.threads));
  const double ctas = static_cast<double>(answer.grid[0]) * static_cast<double>(answer.grid[1]) *
                      static_cast<double>(answer.grid[2]);
  if (out.ctasPerMultiprocessor > 0 && multiprocessors > 0)
    out.waves = ctas / static_cast<double>(out.ctasPerMultiprocessor * multiprocessors);
}
} // namespace

protocol::Limits limitsOf(const protocol::Answer& answer, const DeviceInfo& device) {
  protocol::Limits out;
  if (const Multiprocessor* has = multiprocessorOf(device.architecture))
    addOccupancy(out, answer, *has, device.multiprocessors);
  const auto bytes = answer.gigabytesPerSecond, flops = answer.gigaflopsPerSecond;
  if (bytes && flops && *bytes > 0) out.flopsPerByte = *flops / *bytes;
  if (bytes && device.peakBytesPerSecond > 0) out.memoryShare = *bytes * 1e9 / device.peakBytesPerSecond;
  if (flops && device.peakFlopsPerSecond > 0) out.arithmeticShare = *flops * 1e9 / device.peakFlopsPerSecond;
  out.bound = "not known";
  if (out.memoryShare && out.arithmeticShare)
    out.bound = *out.memoryShare >= *out.arithmeticShare ? "memory" : "arithmetic";
  else if (out.memoryShare && *out.memoryShare > 0.5)
    out.bound = "memory";
  return out;
}

} // namespace tuned
