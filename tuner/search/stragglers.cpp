#include "tuner/search/stragglers.h"

#include <algorithm>

namespace tuned {
namespace {

constexpr double kLate = 2;
constexpr int64_t kSpilt = 64; ///< bytes a thread more than the least that make a build one that spills

constexpr int64_t kMostRegisters = 255; ///< that a thread can have
/// That it may lack, by an estimate. Of whole spaces timed on an H100 (bench_spills --trials) the nearest
/// that lacked more took 1.05 times the best (causal attention), 1.17 and 1.19 (matmul), 1.63 (softmax of
/// 8192 columns), the middle one 1.6 to 8.5 times; among those that lacked 32 to 64 was the best of some.
constexpr int64_t kLacking = 160;

} // namespace

bool spillsMuch(int64_t registers) {
  return registers > kMostRegisters + kLacking;
}

void Stragglers::ended(double seconds, const Resources& resources) {
  builds_.push_back({seconds, std::max<int64_t>(0, resources.spillBytes)});
}

bool Stragglers::late(size_t underWay, double now) {
  // What waits for a slot may be quick once it has one.
  if (underWay > slots_) {
    allBegan_.reset();
    return false;
  }
  if (!allBegan_) allBegan_ = now;
  if (underWay == 0 || builds_.size() < underWay) return false;
  const int64_t least = std::ranges::min(builds_, {}, &Build::spillBytes).spillBytes;
  double longest = 0;
  for (const Build& each : builds_)
    if (each.spillBytes < least + kSpilt) longest = std::max(longest, each.seconds);
  return now - *allBegan_ > kLate * longest;
}

} // namespace tuned
