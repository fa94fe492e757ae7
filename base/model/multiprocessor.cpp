#include "base/model/multiprocessor.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tuned {

namespace {
/// Per multiprocessor, by compute capability (CUDA C++ Programming Guide, "Technical Specifications per
/// Compute Capability"); the last column from the architectures' white papers.
constexpr Multiprocessor table[] = {
    {"sm_80", 2048, 32, 164 << 10, 16},  {"sm_86", 1536, 16, 100 << 10, 4},
    {"sm_87", 1536, 16, 164 << 10, 8},   {"sm_89", 1536, 24, 100 << 10, 4},
    {"sm_90", 2048, 32, 228 << 10, 16},  {"sm_100", 2048, 32, 228 << 10, 32},
    {"sm_103", 2048, 32, 228 << 10, 32}, {"sm_110", 1536, 24, 228 << 10, 32},
    {"sm_120", 1536, 24, 100 << 10, 4},  {"sm_121", 1536, 24, 100 << 10, 4},
};

int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}
} // namespace

const Multiprocessor* multiprocessorOf(std::string architecture) {
  while (!architecture.empty() && architecture.back() >= 'a')
    architecture.pop_back();
  for (const Multiprocessor& one : table)
    if (architecture == one.architecture) return &one;
  return nullptr;
}

int64_t Multiprocessor::resident(int64_t ctaThreads, int64_t threadRegisters, int64_t ctaSharedBytes,
                                 const char** limit) const {
  const int64_t warps = std::max<int64_t>(1, (ctaThreads + warp - 1) / warp);
  constexpr int64_t any = std::numeric_limits<int64_t>::max();
  const std::array<std::pair<const char*, int64_t>, 4> bounds = {
      {{"threads", threads / (warps * warp)},
       {"CTAs", ctas},
       {"registers",
        threadRegisters > 0 ? registers / (warps * roundUp(threadRegisters * warp, registerUnit)) : any},
       {"shared memory", ctaSharedBytes >= 0 ? sharedBytes / (ctaSharedBytes + sharedReserved) : any}}};
  const auto& tightest = *std::ranges::min_element(bounds, {}, &std::pair<const char*, int64_t>::second);
  if (limit) *limit = tightest.first;
  return tightest.second;
}

} // namespace tuned
