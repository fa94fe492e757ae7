// How tt.call is replaced by its callee's body.
#include "ir/dialect/Dialect.h"

#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Transforms/InliningUtils.h>

namespace tuned::tt {

namespace {

struct Inliner : mlir::DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(mlir::Operation*, mlir::Operation*, bool) const final { return true; }
  bool isLegalToInline(mlir::Region*, mlir::Region*, bool, mlir::IRMapping&) const final { return true; }
  bool isLegalToInline(mlir::Operation*, mlir::Region*, bool, mlir::IRMapping&) const final { return true; }

  // A callee of several blocks: return becomes a branch to what followed the call.
  void handleTerminator(mlir::Operation* terminator, mlir::Block* after) const final {
    auto back = mlir::dyn_cast<ReturnOp>(terminator);
    if (!back) return;
    mlir::OpBuilder builder(terminator);
    mlir::cf::BranchOp::create(builder, terminator->getLoc(), after, back.getSrcs());
    terminator->erase();
  }

  void handleTerminator(mlir::Operation* terminator, mlir::ValueRange results) const final {
    for (auto [result, value] : llvm::zip_equal(results, mlir::cast<ReturnOp>(terminator).getSrcs()))
      result.replaceAllUsesWith(value);
  }
};

} // namespace

std::unique_ptr<mlir::DialectInterface> makeInlinerInterface(mlir::Dialect* dialect) {
  return std::make_unique<Inliner>(dialect);
}

} // namespace tuned::tt
