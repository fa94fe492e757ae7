// The walk that carries facts through a function, and around its loops until they hold.
#include "ir/analysis/axis/axis_bounds.h"
#include "ir/analysis/axis/axis_transfer.h"

#include <mlir/Dialect/LLVMIR/LLVMDialect.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/BuiltinAttributes.h>

namespace tuned::tt {

namespace {

namespace scf = mlir::scf;
using mlir::Value;
using mlir::ValueRange;
using Facts = llvm::DenseMap<Value, AxisInfo>;

/// Rounds of a loop before changing bounds are given up; the other facts only fall, and soon end.
constexpr int kRoundsWithBounds = 3;

/// Whether the operation may bring a value that rose back to where it was.
bool wraps(mlir::Operation* op) {
  namespace arith = mlir::arith;
  return mlir::isa<arith::RemSIOp, arith::RemUIOp, arith::SelectOp, arith::MinSIOp, arith::MinUIOp,
                   arith::MaxSIOp, arith::MaxUIOp>(op);
}

class Dataflow {
public:
  Dataflow(Facts& facts, FuncOp function, Hints hints) : facts_(facts), hints_(hints) {
    function.walk([&](mlir::LLVM::AssumeOp assume) { believe(assume); });
    for (mlir::BlockArgument argument : function.getArguments())
      set(argument, ofArgument(function, argument));
    visit(function.getBody());
  }

private:
  AxisInfo get(Value value) const {
    auto it = facts_.find(value);
    return it == facts_.end() ? AxisInfo::unknown(value.getType()) : it->second;
  }

  void set(Value value, AxisInfo info) {
    if (auto it = assumed_.find(value); it != assumed_.end()) strengthen(info, it->second);
    facts_.insert_or_assign(value, std::move(info));
  }

  static void strengthen(AxisInfo& info, const AxisInfo& known) {
    for (size_t d = 0; d < info.rank(); ++d) {
      info.contiguity[d] = std::max(info.contiguity[d], known.contiguity[d]);
      info.constancy[d] = std::max(info.constancy[d], known.constancy[d]);
      info.divisibility[d] = std::max(info.divisibility[d], known.divisibility[d]);
    }
    if (known.lower) info.lower = std::max(info.lower.value_or(INT64_MIN), *known.lower);
    if (known.upper) info.upper = std::min(info.upper.value_or(INT64_MAX), *known.upper);
  }

  /// Reads tt.divisibility and its like from attributes: a number, or one a dimension.
  static void readHints(llvm::function_ref<mlir::Attribute(const char*)> attribute, AxisInfo& info) {
    auto read = [&](const char* name, AxisInfo::Dims& into) {
      mlir::Attribute hint = attribute(name);
      if (auto number = mlir::dyn_cast_or_null<mlir::IntegerAttr>(hint))
        for (int64_t& entry : into)
          entry = std::max(entry, power(number.getInt()));
      auto list = mlir::dyn_cast_or_null<mlir::DenseIntElementsAttr>(hint);
      if (!list || list.getNumElements() != int64_t(into.size())) return;
      for (auto [entry, value] : llvm::zip_equal(into, list.getValues<llvm::APInt>()))
        entry = std::max(entry, power(value.getSExtValue()));
    };
    read("tt.contiguity", info.contiguity);
    read("tt.divisibility", info.divisibility);
    read("tt.constancy", info.constancy);
  }

  static int64_t power(int64_t value) { return value <= 0 ? 1 : value & -value; }

  static AxisInfo ofArgument(FuncOp function, mlir::BlockArgument argument) {
    AxisInfo info = AxisInfo::unknown(argument.getType());
    unsigned number = argument.getArgNumber();
    readHints([&](const char* name) { return function.getArgAttr(number, name); }, info);
    return info;
  }

  /// Of llvm.intr.assume: bounds, and multiples. Only where the value is made in the same block, so that
  /// every use of it is behind the same promise.
  void believe(mlir::LLVM::AssumeOp assume) {
    auto comparison = assume.getCond().getDefiningOp<mlir::arith::CmpIOp>();
    if (!comparison || assume->getBlock() != comparison->getBlock()) return;
    auto limit = comparison.getRhs().getDefiningOp<mlir::arith::ConstantOp>();
    auto number = limit ? mlir::dyn_cast<mlir::IntegerAttr>(limit.getValue()) : mlir::IntegerAttr();
    Value value = comparison.getLhs();
    if (!number || value.getParentBlock() != assume->getBlock()) return;
    believe(comparison.getPredicate(), value, signedValue(number.getValue()));
  }

  void believe(mlir::arith::CmpIPredicate predicate, Value value, int64_t limit) {
    using enum mlir::arith::CmpIPredicate;
    auto rest = value.getDefiningOp<mlir::arith::RemSIOp>();
    auto modulus = rest ? rest.getRhs().getDefiningOp<mlir::arith::ConstantOp>() : mlir::arith::ConstantOp();
    if (predicate == eq && limit == 0 && modulus && rest.getLhs().getParentBlock() == value.getParentBlock())
      if (auto number = mlir::dyn_cast<mlir::IntegerAttr>(modulus.getValue()))
        known(rest.getLhs()).divisibility[0] = power(number.getInt());
    if (predicate == slt && limit > INT64_MIN) known(value).upper = limit - 1;
    if (predicate == sle) known(value).upper = limit;
    if (predicate == sgt && limit < INT64_MAX) known(value).lower = limit + 1;
    if (predicate == sge) known(value).lower = limit;
  }

  AxisInfo& known(Value value) {
    return assumed_.try_emplace(value, AxisInfo::unknown(value.getType())).first->second;
  }

  void visit(mlir::Region& region) {
    for (mlir::Block& block : region)
      for (mlir::Operation& op : block)
        visit(&op);
  }

  void visit(mlir::Operation* op) {
    if (auto loop = mlir::dyn_cast<scf::ForOp>(op)) return visitFor(loop);
    if (auto loop = mlir::dyn_cast<scf::WhileOp>(op)) return visitWhile(loop);
    if (auto branch = mlir::dyn_cast<scf::IfOp>(op)) return visitIf(branch);
    for (mlir::Region& region : op->getRegions())
      visit(region);
    if (op->getNumResults() != 1) return;
    AxisInfo info = visitPlain(op);
    if (hints_ == Hints::All || !wraps(op))
      readHints([&](const char* name) { return op->getDiscardableAttr(name); }, info);
    set(op->getResult(0), std::move(info));
  }

  AxisInfo visitPlain(mlir::Operation* op) const {
    llvm::SmallVector<AxisInfo> copies;
    for (Value operand : op->getOperands())
      copies.push_back(get(operand));
    llvm::SmallVector<const AxisInfo*> operands;
    for (AxisInfo& copy : copies)
      operands.push_back(&copy);
    return transfer(op, operands);
  }

  /// Joins `from` into `into`; whether anything changed. Late in a loop, bounds that still move are dropped.
  bool joinInto(ValueRange into, ValueRange from, int round) {
    bool changed = false;
    for (auto [target, source] : llvm::zip_equal(into, from)) {
      AxisInfo before = get(target), after = AxisInfo::join(before, get(source));
      if (round >= kRoundsWithBounds) {
        if (after.lower != before.lower) after.lower.reset();
        if (after.upper != before.upper) after.upper.reset();
      }
      if (after == before) continue;
      set(target, after);
      changed |= !(get(target) == before);
    }
    return changed;
  }

  void copy(ValueRange into, ValueRange from) {
    for (auto [target, source] : llvm::zip_equal(into, from))
      set(target, get(source));
  }

  void visitFor(scf::ForOp loop) {
    set(loop.getInductionVar(), induction(loop));
    copy(loop.getRegionIterArgs(), loop.getInitArgs());
    auto yielded = mlir::cast<scf::YieldOp>(loop.getBody()->getTerminator()).getOperands();
    int round = 0;
    do
      visit(loop.getRegion());
    while (joinInto(loop.getRegionIterArgs(), yielded, round++));
    copy(loop.getResults(), loop.getRegionIterArgs());
  }

  AxisInfo induction(scf::ForOp loop) const {
    AxisInfo first = get(loop.getLowerBound()), last = get(loop.getUpperBound()), step = get(loop.getStep());
    AxisInfo info = AxisInfo::unknown(loop.getInductionVar().getType());
    info.divisibility[0] = std::min(first.divisibility[0], step.divisibility[0]);
    // Bounds are signed: a loop that compares without signs keeps them only where signs make no difference.
    if (loop.getUnsignedCmp() && !(first.isNatural() && last.isNatural())) return info;
    info.lower = first.lower;
    if (last.upper && *last.upper > INT64_MIN) info.upper = *last.upper - 1;
    // An empty loop makes no value, and bounds that cross would mislead.
    if (info.lower && info.upper && *info.lower > *info.upper) info.upper = info.lower;
    return info;
  }

  void visitWhile(scf::WhileOp loop) {
    copy(loop.getBeforeArguments(), loop.getInits());
    int round = 0;
    do {
      visit(loop.getBefore());
      copy(loop.getAfterArguments(), loop.getConditionOp().getArgs());
      visit(loop.getAfter());
    } while (joinInto(loop.getBeforeArguments(), loop.getYieldOp().getOperands(), round++));
    copy(loop.getResults(), loop.getConditionOp().getArgs());
  }

  void visitIf(scf::IfOp branch) {
    visit(branch.getThenRegion());
    visit(branch.getElseRegion());
    if (branch.getNumResults() == 0) return;
    ValueRange yes = branch.thenYield().getOperands(), no = branch.elseYield().getOperands();
    AxisInfo condition = get(branch.getCondition());
    for (auto [result, a, b] : llvm::zip_equal(branch.getResults(), yes, no))
      set(result, condition.constant ? get(*condition.constant ? a : b) : AxisInfo::join(get(a), get(b)));
  }

  Facts& facts_;
  const Hints hints_;
  llvm::DenseMap<Value, AxisInfo> assumed_;
};

} // namespace

AxisInfo transfer(mlir::Operation* op, AxisOperands operands) {
  if (auto info = transferShape(op, operands)) return *info;
  if (auto info = transferArith(op, operands)) return *info;
  return AxisInfo::unknown(op->getResult(0).getType());
}

AxisInfoAnalysis::AxisInfoAnalysis(FuncOp function, Hints hints) {
  if (!function.isExternal()) Dataflow(facts_, function, hints);
}

} // namespace tuned::tt
