// Where the elements of a tensor are: a linear map over GF(2) from (register, lane, warp) to the element's
// index.
#pragma once

#include "backend/gpu/layout/gf2.h"

#include <string>

namespace tuned::nvptx {

constexpr unsigned laneBits = 5;

/// Element indices are row-major in `shape` (the last dimension varies fastest); as every size is a power of
/// two, an index is the concatenation of the dimensions' bits, and reshaping changes nothing but the shape.
/// Basis vectors: registers[i] is the element index that bit i of the register number adds (by XOR), and so
/// on. The map covers the whole tensor. A vector that depends on the others (zero, say) is a free variable:
/// the element is replicated along it.
struct LinearLayout {
  std::vector<int64_t> shape;
  Bases registers, lanes, warps;

  bool operator==(const LinearLayout&) const = default;

  uint32_t elements() const;
  unsigned elementBits() const { return log2Exact(elements()); }
  unsigned registerCount() const { return 1u << registers.size(); }
  uint32_t at(uint32_t reg, uint32_t lane, uint32_t warp) const {
    return combine(registers, reg) ^ combine(lanes, lane) ^ combine(warps, warp);
  }
  /// Bits of the index that belong to dimension `dim`.
  uint32_t dimMask(unsigned dim) const;
  unsigned dimShift(unsigned dim) const;
  /// The coordinate along `dim` of an element index.
  uint32_t coordinate(uint32_t index, unsigned dim) const { return (index & dimMask(dim)) >> dimShift(dim); }
  bool coversAll() const;
  /// Every basis vector lies along one dimension (or is zero).
  bool separable() const;
  /// "registers [1, 2] lanes [4, …] warps […]"
  std::string text() const;
};

/// Input bits on which the element does not depend, so that of all threads and registers with equal values of
/// the others only those with zeros there are needed. Registers are kept before lanes, lanes before warps.
struct FreeVariables {
  uint32_t registers = 0, lanes = 0, warps = 0;
};
FreeVariables freeVariables(const LinearLayout& layout);

/// The position (register, lane, warp bits, in that order from bit 0) of each element bit: a right inverse of
/// the map. `combine(result, index)` is a place where the element is.
Bases pseudoInverse(const LinearLayout& layout);

/// outer ∘ layout on element indices: `outer[i]` is where element bit i goes. The shape is the result's.
LinearLayout compose(const Bases& outer, const LinearLayout& layout, std::vector<int64_t> shape);

/// The layout in which `inner`'s tile is repeated: inner's inputs are the low bits of each input, outer's the
/// high. Shapes multiply dimension by dimension.
LinearLayout product(const LinearLayout& inner, const LinearLayout& outer);

/// The layout `outer` with product(inner, outer) == layout, if there is one.
std::optional<LinearLayout> divideLeft(const LinearLayout& layout, const LinearLayout& inner);

} // namespace tuned::nvptx
