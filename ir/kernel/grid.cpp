#include "ir/kernel/grid.h"

namespace tuned::tt {

static constexpr llvm::StringLiteral kGrid = "tt.grid";

void setGrid(FuncOp function, const LaunchGrid& grid) {
  function->setAttr(kGrid, mlir::DenseI64ArrayAttr::get(function.getContext(), grid));
}

std::optional<LaunchGrid> gridOf(FuncOp function) {
  auto grid = function->getAttrOfType<mlir::DenseI64ArrayAttr>(kGrid);
  if (!grid || grid.size() != 3 || llvm::any_of(grid.asArrayRef(), [](int64_t size) { return size < 1; }))
    return std::nullopt;
  return LaunchGrid{grid[0], grid[1], grid[2]};
}

} // namespace tuned::tt
