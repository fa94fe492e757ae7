#include "backend/nvptx/passes/loop_loads.h"

#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/passes/layouts/layout_rules.h"
#include "ir/analysis/address/addresses.h"

#include <mlir/Dialect/Utils/StaticValueUtils.h>
#include <mlir/IR/PatternMatch.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace tuned::nvptx {
namespace {

using mlir::Value;

/// The function's arguments that an address may come from; nothing when it may come from elsewhere.
std::optional<llvm::SetVector<Value>> originsOf(Value pointer) {
  llvm::SetVector<Value> seen, origins;
  seen.insert(pointer);
  for (size_t i = 0; i < seen.size(); ++i) { // grows as it is walked
    Value value = seen[i];
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
    if (argument && argument.getOwner()->isEntryBlock() &&
        mlir::isa<tt::FuncOp>(argument.getOwner()->getParentOp())) {
      if (argument.getOwner()->getParentOp()->hasAttr(tt::mayOverlapAttribute)) return std::nullopt;
      origins.insert(value);
      continue;
    }
    mlir::Operation* op = value.getDefiningOp();
    if (mlir::isa_and_nonnull<tt::AddPtrOp, tt::SplatOp, tt::BroadcastOp, tt::ExpandDimsOp, tt::ReshapeOp,
                              tt::TransOp, ConvertLayoutOp>(op)) {
      seen.insert(op->getOperand(0));
    } else if (auto select = mlir::dyn_cast_or_null<mlir::arith::SelectOp>(op)) {
      seen.insert(select.getTrueValue());
      seen.insert(select.getFalseValue());
    } else if (argument || mlir::isa<mlir::scf::ForOp, mlir::scf::WhileOp, mlir::scf::IfOp>(op)) {
      auto sources = departures(value);
      if (sources.empty()) return std::nullopt;
      for (mlir::OpOperand* source : sources)
        seen.insert(source->get());
    } else {
      return std::nullopt;
    }
  }
  return origins;
}

bool isPlain(tt::LoadOp load) {
  return !load.getIsVolatile() && load.getCache() != tt::CacheModifier::CV;
}

/// Whether no load may pass this operation (those inside it are asked themselves).
bool stopsLoads(mlir::Operation* op, bool storesMayFollow) {
  if (auto load = mlir::dyn_cast<tt::LoadOp>(op)) return !isPlain(load);
  if (mlir::isa<tt::StoreOp>(op)) return !storesMayFollow;
  return !op->hasTrait<mlir::OpTrait::HasRecursiveMemoryEffects>() && !mlir::isMemoryEffectFree(op);
}

/// A constant that `bound` is at most above `lower`.
std::optional<int64_t> distance(Value bound, Value lower) {
  if (auto smaller = bound.getDefiningOp<mlir::arith::MinSIOp>()) {
    auto left = distance(smaller.getLhs(), lower), right = distance(smaller.getRhs(), lower);
    return left && right ? std::min(left, right) : left ? left : right;
  }
  auto sum = bound.getDefiningOp<mlir::arith::AddIOp>();
  if (!sum) return std::nullopt;
  if (sum.getLhs() == lower) return mlir::getConstantIntValue(sum.getRhs());
  if (sum.getRhs() == lower) return mlir::getConstantIntValue(sum.getLhs());
  return std::nullopt;
}

} // namespace

std::optional<int64_t> mostIterations(mlir::scf::ForOp loop) {
  auto step = mlir::getConstantIntValue(loop.getStep()),
       most = distance(loop.getUpperBound(), loop.getLowerBound());
  if (loop.getUnsignedCmp() || !step || *step < 1 || !most || *most < 1) return std::nullopt;
  return llvm::divideCeil(*most, *step);
}

LoopLoads::LoopLoads(mlir::scf::ForOp forLoop, llvm::function_ref<bool(tt::LoadOp)> wanted)
    : loop(forLoop), body(forLoop.getBody()) {
  if (loop.getUnsignedCmp()) return;
  bool asked = loop->hasAttr("tt.num_stages");
  auto stopped = loop.getBody()->walk([&](mlir::Operation* op) {
    return stopsLoads(op, asked) ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  if (stopped.wasInterrupted()) return;
  for (auto load : body->getOps<tt::LoadOp>()) {
    llvm::SetVector<unsigned> depends;
    if (!wanted(load) || !pure(load, depends) || keptByStores(load)) continue;
    loads.push_back(load);
    carriedValues.insert(depends.begin(), depends.end());
  }
}

/// Whether address, mask and default are computed without memory; and from which carried values.
bool LoopLoads::pure(tt::LoadOp load, llvm::SetVector<unsigned>& depends) const {
  llvm::SetVector<Value> needed(load->operand_begin(), load->operand_end());
  for (size_t i = 0; i < needed.size(); ++i) { // grows as it is walked
    Value value = needed[i];
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
      if (argument.getOwner() != body || argument.getArgNumber() == 0) continue;
      depends.insert(argument.getArgNumber() - 1);
      needed.insert(yielded(argument.getArgNumber() - 1));
      continue;
    }
    mlir::Operation* op = value.getDefiningOp();
    if (op->getBlock() != body) continue;
    if (!mlir::isPure(op) || op->getNumRegions() != 0 || mlir::isa<tt::DotOp>(op)) return false;
    needed.insert(op->operand_begin(), op->operand_end());
  }
  return true;
}

bool LoopLoads::keptByStores(tt::LoadOp load) const {
  auto mine = originsOf(load.getPtr());
  auto kept = body->walk([&](tt::StoreOp store) {
    auto theirs = originsOf(store.getPtr());
    bool apart = mine && theirs && llvm::none_of(*theirs, [&](Value v) { return mine->contains(v); });
    return apart ? mlir::WalkResult::advance() : mlir::WalkResult::interrupt();
  });
  return kept.wasInterrupted();
}

Value LoopLoads::yielded(unsigned index) const {
  return body->getTerminator()->getOperand(index);
}

Value LoopLoads::copy(mlir::OpBuilder& builder, Value value, mlir::IRMapping& mapping) const {
  if (Value known = mapping.lookupOrNull(value)) return known;
  mlir::Operation* op = value.getDefiningOp();
  if (!op || op->getBlock() != body) return value;
  for (Value operand : op->getOperands())
    copy(builder, operand, mapping);
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}

mlir::IRMapping LoopLoads::initial() const {
  mlir::scf::ForOp forLoop = loop;
  mlir::IRMapping mapping;
  mapping.map(forLoop.getInductionVar(), forLoop.getLowerBound());
  for (auto [argument, value] : llvm::zip(forLoop.getRegionIterArgs(), forLoop.getInitArgs()))
    mapping.map(argument, value);
  return mapping;
}

mlir::IRMapping LoopLoads::following(mlir::OpBuilder& builder, mlir::IRMapping& mapping) const {
  mlir::scf::ForOp forLoop = loop;
  mlir::IRMapping next;
  next.map(forLoop.getInductionVar(),
           mlir::arith::AddIOp::create(builder, forLoop.getLoc(), mapping.lookup(forLoop.getInductionVar()),
                                       forLoop.getStep())
               .getResult());
  for (unsigned index : carriedValues)
    next.map(Value(forLoop.getRegionIterArg(index)), copy(builder, yielded(index), mapping));
  return next;
}

Value LoopLoads::reaches(mlir::OpBuilder& builder, Value from, Value ahead) const {
  mlir::scf::ForOp forLoop = loop;
  mlir::Location at = forLoop.getLoc();
  Value left = mlir::arith::SubIOp::create(builder, at, forLoop.getUpperBound(), from);
  return mlir::arith::CmpIOp::create(builder, at, mlir::arith::CmpIPredicate::ult, ahead, left);
}

} // namespace tuned::nvptx
