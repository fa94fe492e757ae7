#include "daemon/service/limits.h"

#include <algorithm>

namespace tuned {

namespace {
/// Per multiprocessor, by compute capability (CUDA C++ Programming Guide, "Technical Specifications per
/// Compute Capability"); registers are 65,536 in all of them.
struct Multiprocessor {
  const char* architecture;
  int64_t threads, ctas, sharedBytes;
};
constexpr Multiprocessor table[] = {
    {"sm_80", 2048, 32, 164 << 10},  {"sm_86", 1536, 16, 100 << 10},  {"sm_87", 1536, 16, 164 << 10},
    {"sm_89", 1536, 24, 100 << 10},  {"sm_90", 2048, 32, 228 << 10},  {"sm_100", 2048, 32, 228 << 10},
    {"sm_103", 2048, 32, 228 << 10}, {"sm_110", 1536, 24, 228 << 10}, {"sm_120", 1536, 24, 100 << 10},
    {"sm_121", 1536, 24, 100 << 10},
};
constexpr int64_t registersOfAll = 65536, warp = 32, registerUnit = 256, sharedReserved = 1024;

const Multiprocessor* find(std::string architecture) {
  while (!architecture.empty() && architecture.back() >= 'a')
    architecture.pop_back();
  for (const Multiprocessor& one : table)
    if (architecture == one.architecture) return &one;
  return nullptr;
}

int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

void addOccupancy(protocol::Limits& out, const protocol::Answer& answer, const Multiprocessor& has,
                  int64_t multiprocessors) {
  const int64_t threads = answer.launch.threadsPerCta();
  if (threads < warp) return; // the binary says itself how many threads it starts
  const int64_t warps = (threads + warp - 1) / warp;
  struct Bound {
    const char* name;
    int64_t ctas;
  };
  std::vector<Bound> bounds = {{"threads", has.threads / (warps * warp)}, {"CTAs", has.ctas}};
  if (answer.resources.registers > 0)
    bounds.push_back(
        {"registers", registersOfAll / (warps * roundUp(answer.resources.registers * warp, registerUnit))});
  if (answer.resources.sharedBytes >= 0)
    bounds.push_back({"shared memory", has.sharedBytes / (answer.resources.sharedBytes + sharedReserved)});
  const Bound& tightest = *std::ranges::min_element(bounds, {}, &Bound::ctas);
  out.ctasPerMultiprocessor = tightest.ctas;
  out.occupancyLimit = tightest.name;
  out.occupancy =
      std::min(1.0, static_cast<double>(tightest.ctas * warps * warp) / static_cast<double>(has.threads));
  const double ctas = static_cast<double>(answer.grid[0]) * static_cast<double>(answer.grid[1]) *
                      static_cast<double>(answer.grid[2]);
  if (tightest.ctas > 0 && multiprocessors > 0)
    out.waves = ctas / static_cast<double>(tightest.ctas * multiprocessors);
}
} // namespace

protocol::Limits limitsOf(const protocol::Answer& answer, const DeviceInfo& device) {
  protocol::Limits out;
  if (const Multiprocessor* has = find(device.architecture))
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
