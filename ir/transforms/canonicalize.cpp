// Folding, canonical forms, common subexpressions and hoisting, by MLIR's own drivers.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <mlir/Dialect/UB/IR/UBOps.h>
#include <mlir/IR/Dominance.h>
#include <mlir/IR/PatternMatch.h>
#include <mlir/Interfaces/LoopLikeInterface.h>
#include <mlir/Transforms/CSE.h>
#include <mlir/Transforms/GreedyPatternRewriteDriver.h>
#include <mlir/Transforms/LoopInvariantCodeMotionUtils.h>

namespace tuned {

/// MLIR 22's WhileMoveIfDown miscompiles a while loop that hands one result of an scf.if on twice: the second
/// copy arrives as a value of the round before (llvm/llvm-project#219456).
static bool isWrong(const mlir::RewritePattern& pattern) {
  return pattern.getDebugName().contains("WhileMoveIfDown");
}

mlir::LogicalResult canonicalize(mlir::ModuleOp module) {
  mlir::MLIRContext* context = module.getContext();
  mlir::RewritePatternSet patterns(context);
  // Patterns of the large dialects that only lend an operation (llvm, gpu) are left out: building them costs
  // time.
  for (mlir::RegisteredOperationName name : context->getRegisteredOperations())
    if (!llvm::is_contained({"llvm", "gpu", "builtin"}, name.getDialectNamespace()))
      name.getCanonicalizationPatterns(patterns, context);
  for (mlir::Dialect* dialect : context->getLoadedDialects())
    if (!llvm::is_contained({"llvm", "gpu"}, dialect->getNamespace()))
      dialect->getCanonicalizationPatterns(patterns);
  llvm::erase_if(patterns.getNativePatterns(), [](const auto& pattern) { return isWrong(*pattern); });
  mlir::GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(mlir::GreedySimplifyRegionLevel::Normal);
  // Not reaching a fixpoint within the iterations leaves a correct module behind.
  (void)mlir::applyPatternsGreedily(module, std::move(patterns), config);
  return mlir::success();
}

mlir::LogicalResult eliminateCommon(mlir::ModuleOp module) {
  mlir::IRRewriter rewriter(module.getContext());
  mlir::DominanceInfo dominance(module);
  mlir::eliminateCommonSubExpressions(rewriter, dominance, module);
  return mlir::success();
}

mlir::LogicalResult hoistInvariants(mlir::ModuleOp module) {
  module.walk([](mlir::LoopLikeOpInterface loop) { mlir::moveLoopInvariantCode(loop); });
  return mlir::success();
}

static mlir::Value zeroOf(mlir::OpBuilder& builder, mlir::Location location, mlir::Type type) {
  if (mlir::isa<tt::PointerType>(tt::elementType(type))) {
    mlir::Value zero = zeroOf(builder, location, tt::withElementType(type, builder.getI64Type()));
    return tt::IntToPtrOp::create(builder, location, type, zero);
  }
  mlir::TypedAttr zero = builder.getZeroAttr(type);
  return zero ? mlir::arith::ConstantOp::create(builder, location, zero).getResult() : mlir::Value();
}

mlir::LogicalResult fixPoison(mlir::ModuleOp module) {
  llvm::SmallVector<mlir::ub::PoisonOp> poisons;
  module.walk([&](mlir::ub::PoisonOp op) { poisons.push_back(op); });
  for (auto op : poisons) {
    mlir::OpBuilder builder(op);
    mlir::Value zero = zeroOf(builder, op.getLoc(), op.getType());
    if (!zero) return op.emitOpError() << "of type " << op.getType() << " has no value to stand for it";
    op.replaceAllUsesWith(zero);
    op.erase();
  }
  return mlir::success();
}

} // namespace tuned
