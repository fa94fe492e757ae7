// Random layouts and shapes for property tests.
#pragma once

#include "backend/gpu/layout/constructors.h"
#include "backend/gpu/layout/mma.h"

#include <algorithm>
#include <rapidcheck.h>

namespace tuned::nvptx {

/// low … high - 1, evenly: rapidcheck would start with the low ones.
inline unsigned pick(unsigned low, unsigned high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high));
}

inline unsigned powerOfTwo(unsigned lowBit, unsigned highBit) {
  return 1u << pick(lowBit, highBit + 1);
}

/// At most 8192 elements, 64 along a dimension where there are several.
inline std::vector<int64_t> randomShape(unsigned rank) {
  std::vector<int64_t> shape;
  unsigned left = 13;
  for (unsigned dim = 0; dim < rank; ++dim) {
    shape.push_back(powerOfTwo(0, std::min(rank == 1 ? 12u : 6u, left)));
    left -= log2Exact(static_cast<uint64_t>(shape.back()));
  }
  return shape;
}

inline std::vector<unsigned> randomOrder(unsigned rank) {
  std::vector<unsigned> order(rank);
  for (unsigned dim = 0; dim < rank; ++dim)
    order[dim] = dim;
  for (unsigned dim = rank; dim > 1; --dim)
    std::swap(order[dim - 1], order[pick(0u, dim)]);
  return order;
}

/// A blocked layout, with replication when the tile is larger than the shape.
inline LinearLayout randomBlocked(const std::vector<int64_t>& shape, unsigned numWarps) {
  auto rank = static_cast<unsigned>(shape.size());
  std::vector<unsigned> perThread(rank, 1), lanes(rank, 1), warps(rank, 1);
  for (unsigned& size : perThread)
    size = powerOfTwo(0, 2);
  for (unsigned bit = 0; bit < laneBits; ++bit)
    lanes[pick(0u, rank)] *= 2;
  for (unsigned done = 1; done < numWarps; done *= 2)
    warps[pick(0u, rank)] *= 2;
  return blocked(shape, perThread, lanes, warps, randomOrder(rank));
}

/// Any of the constructors; fragments where the shape is of rank 2 or 3.
inline LinearLayout randomLayout(const std::vector<int64_t>& shape, unsigned numWarps) {
  auto rank = static_cast<unsigned>(shape.size());
  bool matrix = rank == 2 || rank == 3;
  switch (pick(0, 9)) {
  case 0:
    return coalesced(shape, randomOrder(rank), powerOfTwo(0, 4), numWarps);
  case 1:
    if (matrix) return mmaAccumulator(shape, warpGrid(shape, numWarps), *rc::gen::arbitrary<bool>());
    break;
  case 2:
  case 3:
    if (matrix)
      return mmaOperand(*rc::gen::arbitrary<bool>() ? DotSide::A : DotSide::B, shape, powerOfTwo(3, 6),
                        warpGrid(shape, numWarps));
    break;
  case 4:
    return scanned(shape, pick(0u, rank), numWarps);
  case 5: { // what a reduction leaves
    auto parent = shape;
    unsigned dim = pick(0u, rank + 1);
    parent.insert(parent.begin() + dim, powerOfTwo(0, 3));
    return slice(randomBlocked(parent, numWarps), dim);
  }
  case 6: {
    auto order = randomOrder(rank);
    std::vector<int64_t> parent(rank);
    for (unsigned dim = 0; dim < rank; ++dim)
      parent[order[dim]] = shape[dim];
    return transpose(randomBlocked(parent, numWarps), order);
  }
  default:
    break;
  }
  return randomBlocked(shape, numWarps);
}

/// Any linear map there can be: `shape`'s element bits in any basis, in any order over registers, lanes and
/// warps, and what is left over replicated: registers by zeros, threads by any vectors.
inline LinearLayout anyLayout(const std::vector<int64_t>& shape, unsigned numWarps) {
  LinearLayout layout{shape, {}, Bases(laneBits), Bases(log2Exact(numWarps))};
  unsigned bits = layout.elementBits(), threadBits = laneBits + log2Exact(numWarps);
  uint32_t elements = layout.elements();
  unsigned least = bits > threadBits ? bits - threadBits : 0;
  layout.registers.resize(least + pick(0u, 3u));
  std::vector<uint32_t*> slots;
  for (Bases* bases : {&layout.registers, &layout.lanes, &layout.warps})
    for (uint32_t& vector : *bases)
      slots.push_back(&vector);
  auto order = randomOrder(static_cast<unsigned>(slots.size()));
  Span span;
  for (unsigned slot = 0; slot < slots.size(); ++slot) {
    uint32_t& vector = *slots[order[slot]];
    bool dense = *rc::gen::arbitrary<bool>();
    vector = dense ? pick(0u, elements) : 1u << pick(0u, std::max(bits, 1u));
    if (span.rank() == bits) {
      if (order[slot] < layout.registers.size() || bits == 0) vector = 0;
      continue;
    }
    for (unsigned unit = 0; !span.add(vector); ++unit)
      vector = 1u << unit;
  }
  return layout;
}

/// One or the other.
inline LinearLayout constructedOrAny(const std::vector<int64_t>& shape, unsigned numWarps) {
  return pick(0, 3) == 0 ? anyLayout(shape, numWarps) : randomLayout(shape, numWarps);
}

} // namespace tuned::nvptx
