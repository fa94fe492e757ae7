#include "ir/analysis/address/addresses.h"

#include "ir/analysis/address/address_form.h"

#include <algorithm>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/Matchers.h>
#include <mlir/IR/OperationSupport.h>

namespace tuned::tt {

namespace {

namespace scf = mlir::scf;
using mlir::Value;

bool isAddress(mlir::Type type) {
  return mlir::isa<PointerType, TensorDescType>(elementType(type));
}

/// The values that may arrive at a block argument or a result of an scf operation; empty: not known.
llvm::SmallVector<Value, 2> sourcesOf(Value value) {
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
    mlir::Operation* parent = argument.getOwner()->getParentOp();
    unsigned number = argument.getArgNumber();
    if (auto loop = mlir::dyn_cast<scf::ForOp>(parent); loop && number > 0)
      return {loop.getInitArgs()[number - 1], loop.getYieldedValues()[number - 1]};
    if (auto loop = mlir::dyn_cast<scf::WhileOp>(parent)) {
      if (argument.getOwner() == loop.getAfterBody()) return {loop.getConditionOp().getArgs()[number]};
      return {loop.getInits()[number], loop.getYieldOp().getOperand(number)};
    }
    return {};
  }
  unsigned number = mlir::cast<mlir::OpResult>(value).getResultNumber();
  mlir::Operation* op = value.getDefiningOp();
  if (auto loop = mlir::dyn_cast<scf::ForOp>(op))
    return {loop.getInitArgs()[number], loop.getYieldedValues()[number]};
  if (auto loop = mlir::dyn_cast<scf::WhileOp>(op)) return {loop.getConditionOp().getArgs()[number]};
  if (auto branch = mlir::dyn_cast<scf::IfOp>(op))
    return {branch.thenYield().getOperand(number), branch.elseYield().getOperand(number)};
  return {};
}

bool isArgument(Value value) {
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
  return argument && argument.getOwner()->isEntryBlock() &&
         mlir::isa<FuncOp>(argument.getOwner()->getParentOp());
}

/// sameAddresses() and sameOffsets(), each pair asked once.
class Comparison {
public:
  /// Two arguments that count as one; null: none do.
  explicit Comparison(Value one = {}, Value other = {}) : one_(one), other_(other) {}

  bool same(Value a, Value b) {
    if (a == b) return true;
    if (!a || !b || a.getType() != b.getType()) return false;
    if (a == one_ && b == other_) return true;
    mlir::Operation *one = a.getDefiningOp(), *other = b.getDefiningOp();
    if (!one || !other || one->getName() != other->getName() || one->getNumRegions() != 0 ||
        one->getNumResults() != 1 || !mlir::isPure(one) || one->getNumOperands() != other->getNumOperands() ||
        one->getPropertiesAsAttribute() != other->getPropertiesAsAttribute())
      return false;
    auto [known, isNew] = answers_.try_emplace({a, b}, false);
    if (!isNew) return known->second;
    bool all = llvm::all_of(llvm::zip_equal(one->getOperands(), other->getOperands()),
                            [&](auto pair) { return same(std::get<0>(pair), std::get<1>(pair)); });
    return answers_[{a, b}] = all;
  }

private:
  Value one_, other_;
  llvm::DenseMap<std::pair<Value, Value>, bool> answers_;
};

} // namespace

std::optional<MemoryAccess> memoryAccess(mlir::Operation* op) {
  if (auto load = mlir::dyn_cast<LoadOp>(op)) return MemoryAccess{load.getPtr(), true};
  if (auto store = mlir::dyn_cast<StoreOp>(op)) return MemoryAccess{store.getPtr(), false, true};
  if (auto rmw = mlir::dyn_cast<AtomicRMWOp>(op)) return MemoryAccess{rmw.getPtr(), true, true, true};
  if (auto cas = mlir::dyn_cast<AtomicCASOp>(op)) return MemoryAccess{cas.getPtr(), true, true, true};
  if (mlir::isa<DescriptorLoadOp, DescriptorGatherOp>(op)) return MemoryAccess{op->getOperand(0), true};
  if (mlir::isa<DescriptorStoreOp, DescriptorScatterOp>(op))
    return MemoryAccess{op->getOperand(0), false, true};
  if (mlir::isa<DescriptorReduceOp>(op)) return MemoryAccess{op->getOperand(0), true, true, true};
  if (op->hasTrait<mlir::OpTrait::IsTerminator>() || mlir::isa<AssertOp, PrintOp>(op)) return std::nullopt;
  if (op->hasTrait<mlir::OpTrait::HasRecursiveMemoryEffects>() &&
      !mlir::isa<mlir::MemoryEffectOpInterface>(op))
    return std::nullopt;
  llvm::StringRef dialect = op->getName().getDialectNamespace();
  if (dialect != "tt" || mlir::isMemoryEffectFree(op)) return std::nullopt;
  return MemoryAccess{{}, true, true};
}

bool updatesMemory(mlir::ModuleOp module) {
  auto walked = module.walk([](mlir::Operation* op) {
    auto effects = mlir::dyn_cast<mlir::MemoryEffectOpInterface>(op);
    bool updates = effects && effects.hasEffect<mlir::MemoryEffects::Read>() &&
                   effects.hasEffect<mlir::MemoryEffects::Write>();
    return updates ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  return walked.wasInterrupted();
}

std::optional<llvm::SetVector<Value>> pointerOrigins(Value address) {
  llvm::SetVector<Value> seen, origins;
  if (!address) return std::nullopt;
  seen.insert(address);
  for (size_t i = 0; i < seen.size(); ++i) { // grows as it is walked
    Value value = seen[i];
    if (isArgument(value)) {
      mlir::Operation* function = mlir::cast<mlir::BlockArgument>(value).getOwner()->getParentOp();
      if (function->hasAttr(mayOverlapAttribute)) return std::nullopt;
      origins.insert(value);
      continue;
    }
    mlir::Operation* op = value.getDefiningOp();
    if (op && op->getNumRegions() == 0 && mlir::isPure(op)) {
      bool any = false;
      for (Value operand : op->getOperands())
        if (isAddress(operand.getType())) any = true, seen.insert(operand);
      if (!any) return std::nullopt;
      continue;
    }
    auto sources = sourcesOf(value);
    if (sources.empty()) return std::nullopt;
    seen.insert(sources.begin(), sources.end());
  }
  return origins;
}

bool mayOverlap(const MemoryAccess& a, const MemoryAccess& b) {
  auto first = pointerOrigins(a.address), second = pointerOrigins(b.address);
  if (!first || !second) return true;
  return llvm::any_of(*first, [&](Value origin) { return second->contains(origin); });
}

bool sameAddresses(Value a, Value b) {
  return Comparison().same(a, b);
}

bool sameOffsets(Value a, Value b) {
  auto first = pointerOrigins(a), second = pointerOrigins(b);
  bool one = first && second && first->size() == 1 && second->size() == 1;
  return one && Comparison(first->front(), second->front()).same(a, b);
}

bool hasDistinctElements(Value pointers, const AxisInfoAnalysis& facts) {
  auto shape = shapeOf(pointers.getType());
  int64_t elements = 1, longest = 1;
  const AxisInfo& info = facts.of(pointers);
  for (auto [d, size] : llvm::enumerate(shape)) {
    elements *= size;
    longest = std::max(longest, d < info.rank() ? info.contiguity[d] : 1);
  }
  if (longest == elements) return true;
  auto form = addressForm(pointers);
  return form && elementsDiffer(*form, pointers.getType());
}

bool liesApart(Value a, Value b) {
  auto first = addressForm(a), second = addressForm(b);
  if (!first || !second) return false;
  first->terms.remove_if([&](auto& term) {
    bool shared = second->terms.lookup(term.first) == term.second;
    if (shared) second->terms.erase(term.first);
    return shared;
  });
  if (!first->terms.empty() || !second->terms.empty()) return false;
  Envelope one = envelope(*first, a.getType()), other = envelope(*second, b.getType());
  constexpr int64_t reach = int64_t(1) << 31; // nearer than what wrapping could add
  bool near = std::max(one.end, other.end) - std::min(one.begin, other.begin) < reach;
  return near && (one.end <= other.begin || other.end <= one.begin);
}

} // namespace tuned::tt
