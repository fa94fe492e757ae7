// A rectangle of a strided tensor in memory: what descriptors and block pointers lead to.
#pragma once

#include "backend/reference/memory.h"
#include "backend/reference/program.h"

namespace tuned::reference {

/// A byte of i1 memory counts as true when its lowest bit is set.
inline uint64_t loadLane(const Memory& memory, uint64_t address, Kind kind) {
  uint64_t value = memory.load(address, byteWidth(kind));
  return kind == Kind::I1 ? value & 1 : value;
}

struct Tile {
  uint64_t base;
  Kind kind;
  std::vector<int64_t> shape, strides; ///< of the tensor, in elements
  std::vector<int64_t> block;          ///< extents of the rectangle
  std::vector<int64_t> offsets;        ///< where it starts; the caller sets it
  std::vector<bool> checked;           ///< dimensions whose elements beyond the shape are padding

  /// From the lanes base, shape, strides, … of a descriptor or block pointer; all dimensions checked.
  Tile(const Lanes& lanes, const Type& type);

  /// The address of an element of the rectangle (row-major), or 0 where it is outside the tensor.
  uint64_t address(size_t element) const;
  size_t elements() const;

  /// Elements outside are zero, or NaN.
  Lanes load(const Memory& memory, bool padNan) const;
  void store(Memory& memory, const Lanes& values) const;
};

} // namespace tuned::reference
