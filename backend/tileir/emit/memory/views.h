// Rectangular tiles of tensors in memory: through tensor views, which the assembler turns into copies by the
// copy engine, and through tiles of pointers, which serve everywhere.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// A size or a stride: known, or a scalar tile (i32 or i64).
struct Extent {
  std::optional<int64_t> known;
  Value value;
};

/// A tensor in memory as views see it.
struct ViewShape {
  Value base = {}; ///< a pointer
  std::vector<Extent> sizes = {}, strides = {};
  std::vector<int32_t> tile = {};
  /// Where tiles start: every steps[d] elements, or at multiples of the tile when empty.
  std::vector<int32_t> steps = {};
  /// The tensor's dimension of each of the tile's; empty: the same.
  std::vector<int32_t> order = {};
  std::optional<Padding> padding = Padding::Zero; ///< none: what lies outside is anything
};

/// A partition view or, with steps, a strided view. Sizes and strides must be positive, and known or below
/// 2^31: as numbers of 32 bits they let the copy engine serve.
Value makeView(Emitter& e, const ViewShape& shape);

/// A block of a tensor as pointers: base + Σ coordinate · stride, and whether each element is inside.
struct PointerBlock {
  Value pointers;
  Value mask;
};
/// `coordinates[d]`: i64 tiles that are broadcast to `shape`; sizes are i32 scalars, strides i64 scalars.
PointerBlock pointerBlock(Emitter& e, Value base, std::span<const Value> sizes,
                          std::span<const Value> strides, std::span<const Value> coordinates,
                          const Shape& shape);

} // namespace tuned::tileir
