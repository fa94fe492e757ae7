// A loop whose upper bound is at most one step from its lower bound runs once or not at all, and becomes a
// condition: values made before it can then be sunk to where they are used, behind the loop's own loads.
//
//   for i = a to min(a + 1, n): …i…      →      if a < min(a + 1, n): …a…
//
// A bound that wraps around lies below `a`, so that neither form runs.
#include "backend/nvptx/passes/loop_loads.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/IR/PatternMatch.h>

namespace tuned::nvptx {
namespace {

namespace arith = mlir::arith;
namespace scf = mlir::scf;

void toCondition(scf::ForOp loop) {
  mlir::IRRewriter rewriter(loop.getContext());
  rewriter.setInsertionPoint(loop);
  mlir::Location at = loop.getLoc();
  mlir::Value runs = arith::CmpIOp::create(rewriter, at, arith::CmpIPredicate::slt, loop.getLowerBound(),
                                           loop.getUpperBound());
  bool results = loop.getNumResults() != 0;
  auto condition = scf::IfOp::create(rewriter, at, loop.getResultTypes(), runs, /*withElseRegion=*/results);
  mlir::Block* then = condition.thenBlock();
  if (!then->empty()) rewriter.eraseOp(then->getTerminator());
  llvm::SmallVector<mlir::Value> arguments = {loop.getLowerBound()};
  llvm::append_range(arguments, loop.getInitArgs());
  rewriter.mergeBlocks(loop.getBody(), then, arguments);
  if (results) {
    rewriter.setInsertionPointToEnd(condition.elseBlock());
    scf::YieldOp::create(rewriter, at, loop.getInitArgs());
  }
  rewriter.replaceOp(loop, condition.getResults());
}

} // namespace

Result<void> unrollSingleIterations(PassContext& context) {
  std::vector<scf::ForOp> loops;
  context.function.walk([&](scf::ForOp loop) {
    if (mostIterations(loop) == 1) loops.push_back(loop);
  });
  for (scf::ForOp loop : loops)
    toCondition(loop);
  return {};
}

} // namespace tuned::nvptx
