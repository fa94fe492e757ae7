#include "backend/gpu/layout/constructors.h"

#include <algorithm>
#include <numeric>

namespace tuned::nvptx {
namespace {

/// Element bits of `shape`, those of order[0] first.
Bases bitsInOrder(const LinearLayout& layout, const std::vector<unsigned>& order) {
  Bases bits;
  for (unsigned dim : order)
    for (unsigned bit = 0; (int64_t{1} << bit) < layout.shape[dim]; ++bit)
      bits.push_back(1u << (layout.dimShift(dim) + bit));
  return bits;
}

/// Moves up to `count` vectors from the front of `from` to the end of `to`; pads with zeros when `from` ends.
void deal(Bases& from, Bases& to, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    to.push_back(from.empty() ? 0 : from.front());
    if (!from.empty()) from.erase(from.begin());
  }
}

} // namespace

LinearLayout coalesced(const std::vector<int64_t>& shape, const std::vector<unsigned>& order,
                       unsigned perThread, unsigned numWarps) {
  LinearLayout layout{shape, {}, {}, {}};
  Bases bits = bitsInOrder(layout, order);
  if (!shape.empty()) {
    auto fastest = static_cast<unsigned>(shape[order[0]]);
    deal(bits, layout.registers, log2Exact(std::min(perThread, fastest)));
  }
  deal(bits, layout.lanes, laneBits);
  deal(bits, layout.warps, log2Exact(numWarps));
  deal(bits, layout.registers, static_cast<unsigned>(bits.size()));
  return layout;
}

LinearLayout blocked(const std::vector<int64_t>& shape, const std::vector<unsigned>& sizePerThread,
                     const std::vector<unsigned>& threadsPerWarp, const std::vector<unsigned>& warpsPerCta,
                     const std::vector<unsigned>& order) {
  LinearLayout layout{shape, {}, {}, {}};
  std::vector<int64_t> done(shape.size(), 1);
  auto take = [&](Bases& to, const std::vector<unsigned>& sizes) {
    for (unsigned dim : order)
      for (unsigned size = 1; size < sizes[dim]; size *= 2) {
        bool inside = done[dim] < shape[dim];
        to.push_back(inside ? static_cast<uint32_t>(done[dim]) << layout.dimShift(dim) : 0);
        if (inside) done[dim] *= 2;
      }
  };
  take(layout.registers, sizePerThread);
  std::erase(layout.registers, 0u);
  take(layout.lanes, threadsPerWarp);
  take(layout.warps, warpsPerCta);
  for (unsigned dim : order)
    for (; done[dim] < shape[dim]; done[dim] *= 2)
      layout.registers.push_back(static_cast<uint32_t>(done[dim]) << layout.dimShift(dim));
  return layout;
}

LinearLayout slice(const LinearLayout& parent, unsigned dim) {
  LinearLayout result = parent;
  result.shape.erase(result.shape.begin() + dim);
  uint32_t low = (1u << parent.dimShift(dim)) - 1;
  unsigned width = log2Exact(static_cast<uint64_t>(parent.shape[dim]));
  auto drop = [&](uint32_t vector) {
    uint32_t high = vector & ~(parent.dimMask(dim) | low);
    return (vector & low) | (high >> width);
  };
  for (Bases* bases : {&result.registers, &result.lanes, &result.warps})
    std::ranges::transform(*bases, bases->begin(), drop);
  result.registers = independent(result.registers, {});
  return result;
}

LinearLayout unbroadcast(const LinearLayout& result, const std::vector<int64_t>& operandShape) {
  LinearLayout operand{operandShape, {}, {}, {}};
  auto drop = [&](uint32_t vector) {
    uint32_t kept = 0;
    for (unsigned dim = 0; dim < operandShape.size(); ++dim)
      if (operandShape[dim] != 1) kept |= result.coordinate(vector, dim) << operand.dimShift(dim);
    return kept;
  };
  for (uint32_t vector : result.registers)
    operand.registers.push_back(drop(vector));
  for (uint32_t vector : result.lanes)
    operand.lanes.push_back(drop(vector));
  for (uint32_t vector : result.warps)
    operand.warps.push_back(drop(vector));
  operand.registers = independent(operand.registers, {});
  return operand;
}

LinearLayout transpose(const LinearLayout& layout, const std::vector<unsigned>& order) {
  LinearLayout result{{}, layout.registers, layout.lanes, layout.warps};
  for (unsigned dim : order)
    result.shape.push_back(layout.shape[dim]);
  auto move = [&](uint32_t vector) {
    uint32_t moved = 0;
    for (unsigned dim = 0; dim < order.size(); ++dim)
      moved |= layout.coordinate(vector, order[dim]) << result.dimShift(dim);
    return moved;
  };
  for (Bases* bases : {&result.registers, &result.lanes, &result.warps})
    std::ranges::transform(*bases, bases->begin(), move);
  return result;
}

LinearLayout scanned(const std::vector<int64_t>& shape, unsigned axis, unsigned numWarps) {
  LinearLayout layout{shape, {}, {}, {}};
  Bases along = bitsInOrder(layout, {axis});
  std::vector<unsigned> others;
  for (unsigned dim = static_cast<unsigned>(shape.size()); dim-- > 0;)
    if (dim != axis) others.push_back(dim);
  Bases rest = bitsInOrder(layout, others);
  auto total = static_cast<unsigned>(along.size() + rest.size());
  unsigned warpBits = log2Exact(numWarps), threadBits = laneBits + warpBits;
  // What does not fit the threads has to be in registers; the axis' low bits come first. A few are there in
  // any case before the axis goes over several warps, which have to wait for each other.
  constexpr unsigned few = 3;
  auto length = static_cast<unsigned>(along.size());
  unsigned beyondWarp = length > laneBits ? length - laneBits : 0;
  unsigned inRegisters = total > threadBits ? total - threadBits : 0;
  inRegisters = std::min(std::max(inRegisters, std::min(beyondWarp, few)), length);
  deal(along, layout.registers, inRegisters);
  deal(along, layout.lanes, std::min<unsigned>(laneBits, static_cast<unsigned>(along.size())));
  deal(along, layout.warps, static_cast<unsigned>(along.size()));
  deal(rest, layout.lanes, laneBits - static_cast<unsigned>(layout.lanes.size()));
  deal(rest, layout.warps, warpBits - static_cast<unsigned>(layout.warps.size()));
  deal(rest, layout.registers, static_cast<unsigned>(rest.size()));
  return layout;
}

} // namespace tuned::nvptx
