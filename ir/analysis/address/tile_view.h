// Tiles of pointers as views: a window that moves over an array of fixed shape and strides, which hardware
// can copy as a whole (tensor memory access) where scattered pointers need an address for every element.
#pragma once

#include "base/model/launch_condition.h"
#include "ir/analysis/address/tile_bounds.h"

namespace tuned::tt {

struct TileView {
  struct Dimension {
    int64_t extent = 0;         ///< elements of the array; what lies beyond is masked away
    int64_t stride = 0;         ///< elements from one to the next; of the last dimension 1
    int64_t block = 0;          ///< elements of the window
    LinearForm offset;          ///< where the window starts; proven to be in [0, extent)
    unsigned tileDimension = 0; ///< which dimension of the tile this is
  };
  mlir::BlockArgument base;                   ///< a pointer argument of the function
  llvm::SmallVector<Dimension, 4> dimensions; ///< from the greatest stride to the least
  bool bounded = false; ///< some window reaches beyond an extent, where the mask is false
  /// Dimensions (of the tile) whose indices the kernel wraps: the view ends there instead, and its masked
  /// elements are none of the tile's. Whoever takes the view makes sure that nothing depends on them
  /// (ignored_rows.h).
  struct Wrapped {
    unsigned tileDimension;
    AffineTile::Wrap wrap;
  };
  llvm::SmallVector<Wrapped, 2> wrapped;
  std::vector<LaunchCondition> conditions;

  /// The tile's dimensions in the view's order: result dimension i of a transposition back is order()[i].
  llvm::SmallVector<int32_t, 4> order() const;
  bool transposed() const;
};

/// What hardware asks of a view beyond that.
struct ViewLimits {
  int64_t alignment = 16; ///< bytes that divide the base and every stride but the last
  size_t leastRank = 2;
};

/// The view of a tile of pointers under a mask (null: none). Null: the tile is none, or its facts are
/// unknown. `at` is the operation that accesses it.
std::optional<TileView> viewOf(mlir::Value pointers, mlir::Value mask, AffineTiles& tiles,
                               mlir::Operation* at, const ViewLimits& limits = {});

} // namespace tuned::tt
