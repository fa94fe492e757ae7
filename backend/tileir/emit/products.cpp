#include "backend/tileir/emit/products.h"

#include "ir/dialect/Dialect.h"

#include <llvm/ADT/DenseSet.h>
#include <llvm/ADT/SmallVector.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::tileir {

bool comesFromProduct(mlir::Value tile) {
  llvm::DenseSet<mlir::Value> seen;
  llvm::SmallVector<mlir::Value> pending;
  auto follow = [&](auto&& values) {
    for (mlir::Value value : values)
      if (mlir::isa<mlir::RankedTensorType>(value.getType()) && seen.insert(value).second)
        pending.push_back(value);
  };
  follow(mlir::ValueRange(tile));
  while (!pending.empty()) {
    mlir::Value value = pending.pop_back_val();
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
    mlir::Operation* op = argument ? argument.getOwner()->getParentOp() : value.getDefiningOp();
    if (mlir::isa<tt::DotOp, tt::DotScaledOp>(op)) return true;
    if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op)) {
      unsigned number =
          argument ? argument.getArgNumber() - 1 : mlir::cast<mlir::OpResult>(value).getResultNumber();
      follow(mlir::ValueRange{loop.getInitArgs()[number], loop.getYieldedValues()[number]});
      continue;
    }
    // What another loop carries or a branch gives may be anything that enters it or that a block passes on.
    follow(op->getOperands());
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        if (block.mightHaveTerminator()) follow(block.getTerminator()->getOperands());
  }
  return false;
}

} // namespace tuned::tileir
