#include "backend/gpu/shared/place_buffers.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace tuned::nvptx {
namespace {

/// By buffer: others it must lie apart from, and others it had better, with how often a barrier is saved.
struct Wishes {
  std::vector<std::vector<bool>> apart;
  std::vector<std::map<uint32_t, uint64_t>> better;
};

Wishes findWishes(const SharedProgram& program, const std::vector<std::vector<uint32_t>>& live) {
  size_t count = program.buffers.size();
  Wishes wishes{std::vector(count, std::vector<bool>(count)),
                std::vector<std::map<uint32_t, uint64_t>>(count)};
  std::vector<std::vector<uint32_t>> atPoint(program.points.size());
  for (uint32_t buffer = 0; buffer < count; ++buffer)
    for (uint32_t point : live[buffer]) {
      for (uint32_t other : atPoint[point])
        wishes.apart[buffer][other] = wishes.apart[other][buffer] = true;
      atPoint[point].push_back(buffer);
    }
  auto pending = pendingAccesses(program, std::vector<bool>(program.points.size()));
  for (uint32_t point = 0; point < program.points.size(); ++point) {
    uint64_t runs = uint64_t{1} << 3 * std::min(program.depth(point), 8u); // a loop runs eight times, say
    for (const BufferAccess& access : program.points[point].phases.front())
      for (const auto& [other, before] : pending[point])
        if (other != access.buffer && excludes(before, access)) {
          wishes.better[access.buffer][other] += runs;
          wishes.better[other][access.buffer] += runs;
        }
  }
  return wishes;
}

/// A placement in the making.
class FirstFit {
public:
  FirstFit(const SharedProgram& program, const Wishes& wishes) : program(program), wishes(wishes) {
    result.offsets.resize(program.buffers.size());
  }

  /// Each buffer at the offset, below `limit` if there is one, that grants most wishes, else as low as it
  /// may.
  void run(const std::vector<uint32_t>& order, uint32_t limit) {
    for (uint32_t buffer : order) {
      result.offsets[buffer] = choose(buffer, limit);
      result.bytes = std::max(result.bytes, end(buffer));
      refused += cost(buffer, result.offsets[buffer]);
      placed.push_back(buffer);
    }
  }

  SharedPlacement result;
  uint64_t refused = 0; ///< wishes, by how often

private:
  uint32_t end(uint32_t buffer) const { return result.offsets[buffer] + program.buffers[buffer].bytes; }

  bool meets(uint32_t buffer, uint32_t offset, uint32_t other) const {
    return offset < end(other) && result.offsets[other] < offset + program.buffers[buffer].bytes;
  }

  uint64_t cost(uint32_t buffer, uint32_t offset) const {
    uint64_t sum = 0;
    for (const auto& [other, runs] : wishes.better[buffer])
      if (std::ranges::find(placed, other) != placed.end() && meets(buffer, offset, other)) sum += runs;
    return sum;
  }

  uint32_t choose(uint32_t buffer, uint32_t limit) const {
    uint32_t alignment = program.buffers[buffer].alignment;
    std::vector<uint32_t> candidates = {0};
    for (uint32_t other : placed)
      if (wishes.apart[buffer][other] || wishes.better[buffer].contains(other))
        candidates.push_back((end(other) + alignment - 1) / alignment * alignment);
    std::ranges::sort(candidates);
    uint32_t best = 0;
    uint64_t least = std::numeric_limits<uint64_t>::max();
    for (uint32_t offset : candidates) {
      bool allowed = std::ranges::none_of(placed, [&](uint32_t other) {
        return wishes.apart[buffer][other] && meets(buffer, offset, other);
      });
      if (!allowed) continue;
      bool first = least == std::numeric_limits<uint64_t>::max();
      if (!first && offset + program.buffers[buffer].bytes > limit) break;
      if (uint64_t price = cost(buffer, offset); price < least) {
        least = price;
        best = offset;
      }
    }
    return best;
  }

  const SharedProgram& program;
  const Wishes& wishes;
  std::vector<uint32_t> placed;
};

std::vector<std::vector<uint32_t>> orders(const SharedProgram& program,
                                          const std::vector<std::vector<uint32_t>>& live) {
  std::vector<uint32_t> all(program.buffers.size());
  std::iota(all.begin(), all.end(), 0u);
  auto sorted = [&](auto key) {
    auto order = all;
    std::ranges::stable_sort(order, std::greater(), key);
    return order;
  };
  auto bytes = [&](uint32_t buffer) { return uint64_t{program.buffers[buffer].bytes}; };
  auto life = [&](uint32_t buffer) { return uint64_t{live[buffer].size()}; };
  return {sorted(bytes), sorted([&](uint32_t buffer) { return std::pair(life(buffer), bytes(buffer)); }),
          sorted([&](uint32_t buffer) { return life(buffer) * bytes(buffer); }), all};
}

} // namespace

bool SharedPlacement::overlap(const SharedProgram& program, uint32_t a, uint32_t b) const {
  return offsets[a] < offsets[b] + program.buffers[b].bytes &&
         offsets[b] < offsets[a] + program.buffers[a].bytes;
}

SharedPlacement placeBuffers(const SharedProgram& program, uint32_t freeBytes) {
  auto live = livePoints(program);
  Wishes wishes = findWishes(program, live), needs = wishes;
  needs.better.assign(program.buffers.size(), {});
  SharedPlacement tightest;
  tightest.bytes = std::numeric_limits<uint32_t>::max();
  for (const auto& order : orders(program, live)) {
    FirstFit fit(program, needs);
    fit.run(order, std::numeric_limits<uint32_t>::max());
    if (fit.result.bytes < tightest.bytes) tightest = std::move(fit.result);
  }
  uint32_t limit = std::max(tightest.bytes, freeBytes);
  SharedPlacement best = tightest;
  uint64_t least = std::numeric_limits<uint64_t>::max();
  for (const auto& order : orders(program, live)) {
    FirstFit fit(program, wishes);
    fit.run(order, limit);
    if (fit.result.bytes > limit || fit.refused > least ||
        (fit.refused == least && fit.result.bytes >= best.bytes))
      continue;
    least = fit.refused;
    best = std::move(fit.result);
  }
  return best;
}

} // namespace tuned::nvptx
