// Random layouts and shapes for property tests.
#pragma once

#include "backend/nvptx/layout/constructors.h"
#include "backend/nvptx/layout/mma.h"

#include <algorithm>
#include <rapidcheck.h>

namespace tuned::nvptx {

inline unsigned powerOfTwo(unsigned lowBit, unsigned highBit) {
  return 1u << *rc::gen::inRange(lowBit, highBit + 1);
}

inline std::vector<int64_t> randomShape(unsigned rank) {
  std::vector<int64_t> shape;
  for (unsigned dim = 0; dim < rank; ++dim)
    shape.push_back(powerOfTwo(0, rank == 1 ? 10 : 6));
  return shape;
}

inline std::vector<unsigned> randomOrder(unsigned rank) {
  std::vector<unsigned> order(rank);
  for (unsigned dim = 0; dim < rank; ++dim)
    order[dim] = dim;
  for (unsigned dim = rank; dim > 1; --dim)
    std::swap(order[dim - 1], order[*rc::gen::inRange(0u, dim)]);
  return order;
}

/// A blocked layout, with replication when the tile is larger than the shape.
inline LinearLayout randomBlocked(const std::vector<int64_t>& shape, unsigned numWarps) {
  auto rank = static_cast<unsigned>(shape.size());
  std::vector<unsigned> perThread(rank, 1), lanes(rank, 1), warps(rank, 1);
  for (unsigned& size : perThread)
    size = powerOfTwo(0, 2);
  for (unsigned bit = 0; bit < laneBits; ++bit)
    lanes[*rc::gen::inRange(0u, rank)] *= 2;
  for (unsigned done = 1; done < numWarps; done *= 2)
    warps[*rc::gen::inRange(0u, rank)] *= 2;
  return blocked(shape, perThread, lanes, warps, randomOrder(rank));
}

/// Any of the constructors, on a shape of rank 2 or 1.
inline LinearLayout randomLayout(const std::vector<int64_t>& shape, unsigned numWarps) {
  switch (*rc::gen::inRange(0, 7)) {
  case 0:
    return coalesced(shape, randomOrder(static_cast<unsigned>(shape.size())), powerOfTwo(0, 4), numWarps);
  case 1:
    if (shape.size() >= 2)
      return mmaAccumulator(shape, warpGrid(shape, numWarps), *rc::gen::arbitrary<bool>());
    break;
  case 2:
  case 3:
    if (shape.size() >= 2)
      return mmaOperand(*rc::gen::arbitrary<bool>() ? DotSide::A : DotSide::B, shape, powerOfTwo(3, 6),
                        warpGrid(shape, numWarps));
    break;
  case 4:
    return scanned(shape, *rc::gen::inRange(0u, static_cast<unsigned>(shape.size())), numWarps);
  default:
    break;
  }
  return randomBlocked(shape, numWarps);
}

} // namespace tuned::nvptx
