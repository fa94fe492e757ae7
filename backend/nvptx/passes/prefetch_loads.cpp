// Loads go one iteration ahead and wait in registers. In loops around dots with num_stages of 3 and more they
// travel while the tensor cores work; they take many registers: with num_stages of 2 other CTAs are left to
// hide the latency. A loop's own `tt.num_stages` counts more than the compilation's. Loops without dots that
// ask for stages are pipeline-loads' work, when layouts are known.
#include "backend/nvptx/passes/loop_loads.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/IR/PatternMatch.h>

namespace tuned::nvptx {
namespace {

using mlir::Value;

/// The loads under `condition`, with addresses by the mapping.
llvm::SmallVector<Value> loadAll(const LoopLoads& loop, mlir::OpBuilder& builder, Value condition,
                                 mlir::IRMapping& mapping) {
  llvm::SmallVector<Value> results;
  for (tt::LoadOp load : loop.loads) {
    mlir::Location at = load.getLoc();
    Value pointers = loop.copy(builder, load.getPtr(), mapping);
    Value mask = tt::SplatOp::create(builder, at, tt::maskType(pointers.getType()), condition);
    if (load.getMask())
      mask = mlir::arith::AndIOp::create(builder, at, loop.copy(builder, load.getMask(), mapping), mask);
    Value other = load.getOther() ? loop.copy(builder, load.getOther(), mapping) : Value();
    auto moved = mlir::cast<tt::LoadOp>(builder.clone(*load));
    moved.getPtrMutable().assign(pointers);
    moved.getMaskMutable().assign(mask);
    if (other) moved.getOtherMutable().assign(other);
    results.push_back(moved.getResult());
  }
  return results;
}

llvm::SmallVector<Value> loadFirst(const LoopLoads& loads, mlir::OpBuilder& builder) {
  mlir::scf::ForOp loop = loads.loop;
  mlir::IRMapping mapping = loads.initial();
  Value any = mlir::arith::CmpIOp::create(builder, loop.getLoc(), mlir::arith::CmpIPredicate::slt,
                                          loop.getLowerBound(), loop.getUpperBound());
  return loadAll(loads, builder, any, mapping);
}

llvm::SmallVector<Value> loadNext(const LoopLoads& loads, mlir::IRRewriter& rewriter) {
  mlir::scf::ForOp loop = loads.loop;
  mlir::OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value condition = loads.reaches(rewriter, loop.getInductionVar(), loop.getStep());
  mlir::IRMapping now;
  now.map(loop.getInductionVar(), loop.getInductionVar());
  mlir::IRMapping then = loads.following(rewriter, now);
  return loadAll(loads, rewriter, condition, then);
}

} // namespace

bool hasDots(mlir::scf::ForOp loop) {
  return !loop.getBody()->getOps<tt::DotOp>().empty();
}

std::optional<int64_t> loopStages(mlir::scf::ForOp loop) {
  auto stages = loop->getAttrOfType<mlir::IntegerAttr>("tt.num_stages");
  return stages ? std::optional(std::min(stages.getInt(), mostStages)) : std::nullopt;
}

void loadOneAhead(LoopLoads& loads) {
  mlir::scf::ForOp loop = loads.loop;
  mlir::IRRewriter rewriter(loop.getContext());
  rewriter.setInsertionPoint(loop);
  auto first = loadFirst(loads, rewriter);
  size_t carried = loop.getNumRegionIterArgs();
  // The new values are made in the old body, which moves into the new loop afterwards.
  auto next = [&](mlir::OpBuilder&, mlir::Location, llvm::ArrayRef<mlir::BlockArgument>) {
    return loadNext(loads, rewriter);
  };
  auto replaced =
      loop.replaceWithAdditionalYields(rewriter, first, /*replaceInitOperandUsesInLoop=*/false, next);
  auto changed = mlir::cast<mlir::scf::ForOp>(**replaced);
  for (auto [i, load] : llvm::enumerate(loads.loads)) {
    load.getResult().replaceAllUsesWith(changed.getRegionIterArg(static_cast<unsigned>(carried + i)));
    load.erase();
  }
  eraseUnused(changed);
}

void eraseUnused(mlir::scf::ForOp loop) {
  for (mlir::Operation& op : llvm::make_early_inc_range(llvm::reverse(*loop.getBody())))
    if (mlir::isOpTriviallyDead(&op)) op.erase();
}

Result<void> prefetchLoads(PassContext& context) {
  std::vector<mlir::scf::ForOp> loops;
  context.function.walk([&](mlir::scf::ForOp loop) { loops.push_back(loop); });
  for (mlir::scf::ForOp loop : loops) {
    if (!hasDots(loop) || loopStages(loop).value_or(context.numStages) < 3) continue;
    LoopLoads loads(loop,
                    [](tt::LoadOp load) { return tt::shapeOf(load.getResult().getType()).size() >= 2; });
    if (!loads.loads.empty()) loadOneAhead(loads);
  }
  return {};
}

} // namespace tuned::nvptx
