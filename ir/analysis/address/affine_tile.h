// Tensors of integers and pointers whose elements are an affine function of their place: what views, bounds
// and remainders are read from.
#pragma once

#include "ir/analysis/program_grid.h"

namespace tuned::tt {

/// Element (i0, i1, …) is base + free + Σ_d (coefficient_d · i_d + own_d), counted in elements behind a
/// pointer.
struct AffineTile {
  /// Indices taken modulo a number (or set to one below it where they reach it): index i + start stands as it
  /// is while it is below `end`, and for some other index below `end` from there on.
  struct Wrap {
    LinearForm start;
    int64_t end = 0;
  };
  struct Dimension {
    int64_t size = 1;
    int64_t coefficient = 0; ///< 0 where size is 1
    LinearForm own;          ///< scalars that came in along this dimension: a program's first row, say
    /// Where it is set, i + start is wrapped before it is multiplied by `coefficient`; own is start's share.
    std::optional<Wrap> wrap;
  };
  mlir::Value base; ///< the scalar pointer that all starts from, no addptr; null: integers
  llvm::SmallVector<Dimension, 4> dimensions;
  LinearForm free; ///< scalars that belong to no dimension

  /// free + Σ own: the element at (0, 0, …). Null: a number does not fit 64 bits.
  std::optional<LinearForm> origin() const;
  bool wraps() const {
    return llvm::any_of(dimensions, [](const Dimension& dimension) { return dimension.wrap.has_value(); });
  }
};

/// Finds affine tiles. Integers wrap: a tile of integers is exact modulo 2^width of its elements, and becomes
/// exact where it is used to address, to compare or to divide, by the facts of the grid.
class AffineTiles {
public:
  explicit AffineTiles(ProgramGrid& grid) : grid_(grid) {}

  /// The form of a tensor or scalar of integers or pointers; null: it has none that is known.
  std::optional<AffineTile> of(mlir::Value value);
  /// The same, but only if no element of it wraps.
  std::optional<AffineTile> exact(mlir::Value value);
  /// The least and greatest element; null where the scalars are unknown. Of pointers: from `base` on.
  std::optional<ScalarFacts> range(const AffineTile& tile, mlir::Operation* at = nullptr);

  ProgramGrid& grid() { return grid_; }

private:
  std::optional<AffineTile> compute(mlir::Value value);
  std::optional<AffineTile> scalar(mlir::Value value);
  std::optional<AffineTile> elementwise(mlir::Operation* op);
  std::optional<AffineTile> reshaped(mlir::Operation* op);
  std::optional<AffineTile> remainder(mlir::Operation* op);
  std::optional<AffineTile> chosen(mlir::Operation* op);
  std::optional<AffineTile> wrapped(AffineTile tile, int64_t end);
  std::optional<AffineTile> carried(mlir::Value value);

  ProgramGrid& grid_;
  std::map<const void*, std::optional<AffineTile>> known_;
  int depth_ = 0;
};

/// a + factor · b, dimension by dimension; null: their sizes differ, both are pointers, or an index that
/// wraps meets another one.
std::optional<AffineTile> combine(const AffineTile& a, const AffineTile& b, int64_t factor);

} // namespace tuned::tt
