// In loops around dots (num_stages of 3 and more) the next iteration's loads are issued before this
// iteration's dots: they travel while the tensor cores work, and wait in registers. They take many: with
// num_stages of 2 other CTAs are left to hide the latency. Deeper pipelines, through rings of shared memory,
// will take this one's place.
//
//   for i: x = load(p(i)); use(x)      →      x = load(p(0)) if 0 < n
//                                             for i: next = load(p(i+1)) if i+1 < n; use(x); x = next
#include "backend/nvptx/passes/pass.h"

#include <llvm/ADT/SetVector.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/IRMapping.h>
#include <mlir/IR/PatternMatch.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace tuned::nvptx {
namespace {

using mlir::Value;

class Prefetch {
public:
  explicit Prefetch(mlir::scf::ForOp loop) : loop(loop), body(loop.getBody()) {}

  void run() {
    if (loop.getUnsignedCmp() || !onlyReads()) return;
    for (mlir::Operation& op : *body)
      if (auto load = mlir::dyn_cast<tt::LoadOp>(op); load && worthwhile(load)) loads.push_back(load);
    if (loads.empty() || !sliceIsPure()) return;
    rewrite();
  }

private:
  /// Nothing in the loop writes memory or waits, so that a load may move over it.
  bool onlyReads() {
    bool dots = false;
    for (mlir::Operation& op : body->without_terminator()) {
      dots |= mlir::isa<tt::DotOp>(op);
      if (!mlir::isa<tt::LoadOp>(op) && !mlir::isMemoryEffectFree(&op)) return false;
    }
    return dots;
  }

  static bool worthwhile(tt::LoadOp load) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(load.getResult().getType());
    return type && type.getRank() >= 2 && !load.getIsVolatile();
  }

  /// What addresses, masks and the values carried into them are computed from, without any load or dot in it.
  bool sliceIsPure() {
    llvm::SetVector<Value> wanted;
    for (tt::LoadOp load : loads)
      wanted.insert(load->operand_begin(), load->operand_end());
    for (size_t i = 0; i < wanted.size(); ++i) { // grows as it is walked
      Value value = wanted[i];
      if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
        if (argument.getOwner() == body && argument.getArgNumber() > 0)
          wanted.insert(yielded(argument.getArgNumber() - 1));
        continue;
      }
      mlir::Operation* op = value.getDefiningOp();
      if (op->getBlock() != body) continue;
      if (!mlir::isPure(op) || op->getNumRegions() != 0 || mlir::isa<tt::DotOp>(op)) return false;
      wanted.insert(op->operand_begin(), op->operand_end());
    }
    return true;
  }

  Value yielded(unsigned index) { return body->getTerminator()->getOperand(index); }

  /// `value` with the mapping's replacements for what it is computed from; copies what it has to.
  Value copy(mlir::OpBuilder& builder, Value value, mlir::IRMapping& mapping) {
    if (Value known = mapping.lookupOrNull(value)) return known;
    mlir::Operation* op = value.getDefiningOp();
    if (!op || op->getBlock() != body) return value;
    for (Value operand : op->getOperands())
      copy(builder, operand, mapping);
    builder.clone(*op, mapping);
    return mapping.lookup(value);
  }

  /// The loads under `condition`, with addresses by the mapping.
  llvm::SmallVector<Value> loadAll(mlir::OpBuilder& builder, Value condition, mlir::IRMapping& mapping) {
    llvm::SmallVector<Value> results;
    for (tt::LoadOp load : loads) {
      mlir::Location at = load.getLoc();
      Value pointers = copy(builder, load.getPtr(), mapping);
      Value mask = tt::SplatOp::create(builder, at, tt::maskType(pointers.getType()), condition);
      if (load.getMask())
        mask = mlir::arith::AndIOp::create(builder, at, copy(builder, load.getMask(), mapping), mask);
      Value other = load.getOther() ? copy(builder, load.getOther(), mapping) : Value();
      auto moved = mlir::cast<tt::LoadOp>(builder.clone(*load));
      moved.getPtrMutable().assign(pointers);
      moved.getMaskMutable().assign(mask);
      if (other) moved.getOtherMutable().assign(other);
      results.push_back(moved.getResult());
    }
    return results;
  }

  void rewrite() {
    mlir::IRRewriter rewriter(loop.getContext());
    mlir::Location at = loop.getLoc();
    auto less = [&](Value a, Value b) {
      return mlir::arith::CmpIOp::create(rewriter, at, mlir::arith::CmpIPredicate::slt, a, b);
    };
    rewriter.setInsertionPoint(loop);
    mlir::IRMapping first;
    first.map(loop.getInductionVar(), loop.getLowerBound());
    for (auto [argument, value] : llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs()))
      first.map(argument, value);
    auto initial = loadAll(rewriter, less(loop.getLowerBound(), loop.getUpperBound()), first);

    size_t carried = loop.getNumRegionIterArgs();
    // The new values are made in the old body, which moves into the new loop afterwards.
    auto next = [&](mlir::OpBuilder&, mlir::Location, llvm::ArrayRef<mlir::BlockArgument>) {
      return prefetchNext(rewriter, at, carried);
    };
    auto replaced =
        loop.replaceWithAdditionalYields(rewriter, initial, /*replaceInitOperandUsesInLoop=*/false, next);
    auto changed = mlir::cast<mlir::scf::ForOp>(**replaced);
    for (size_t i = 0; i < loads.size(); ++i) {
      loads[i].getResult().replaceAllUsesWith(changed.getRegionIterArg(static_cast<unsigned>(carried + i)));
      loads[i].erase();
    }
    // The old addresses and masks are left over; in layouts of their own they would still be converted.
    for (mlir::Operation& op : llvm::make_early_inc_range(llvm::reverse(*changed.getBody())))
      if (mlir::isOpTriviallyDead(&op)) op.erase();
  }

  llvm::SmallVector<Value> prefetchNext(mlir::IRRewriter& rewriter, mlir::Location at, size_t carried) {
    mlir::OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(body);
    Value following = mlir::arith::AddIOp::create(rewriter, at, loop.getInductionVar(), loop.getStep());
    Value condition = mlir::arith::CmpIOp::create(rewriter, at, mlir::arith::CmpIPredicate::slt, following,
                                                  loop.getUpperBound());
    // First what the next iteration gets carried in, from this one's values; then its loads from that.
    mlir::IRMapping now, then;
    then.map(loop.getInductionVar(), following);
    for (unsigned i = 0; i < carried; ++i)
      if (feedsLoads(loop.getRegionIterArg(i)))
        then.map(loop.getRegionIterArg(i), copy(rewriter, yielded(i), now));
    return loadAll(rewriter, condition, then);
  }

  /// Whether a carried value is part of some load's address or mask.
  bool feedsLoads(Value argument) {
    llvm::SetVector<Value> wanted;
    for (tt::LoadOp load : loads)
      wanted.insert(load->operand_begin(), load->operand_end());
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] == argument) return true;
      mlir::Operation* op = wanted[i].getDefiningOp();
      if (op && op->getBlock() == body) wanted.insert(op->operand_begin(), op->operand_end());
    }
    return false;
  }

  mlir::scf::ForOp loop;
  mlir::Block* body;
  llvm::SmallVector<tt::LoadOp> loads;
};

} // namespace

Result<void> prefetchLoads(PassContext& context) {
  if (context.numStages < 3) return {};
  std::vector<mlir::scf::ForOp> loops;
  context.function.walk([&](mlir::scf::ForOp loop) { loops.push_back(loop); });
  for (mlir::scf::ForOp loop : loops)
    Prefetch(loop).run();
  return {};
}

} // namespace tuned::nvptx
