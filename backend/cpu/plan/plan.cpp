#include "backend/cpu/plan/plan.h"

#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/Matchers.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace tuned::cpu {
namespace {

bool isTile(mlir::Value value) {
  return mlir::isa<mlir::RankedTensorType>(value.getType());
}

int64_t elements(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getNumElements();
}

// Evaluations up to this cost are repeated rather than stored.
constexpr int cheap = 8;
// No evaluation grows beyond this: a tile that costs as much is stored. Through values that are used more
// than once the work would otherwise double with each of them.
constexpr int mostCost = 1000;

// Roughly the cycles of one operation on one native vector.
int ownCost(mlir::Operation& op) {
  switch (kindOf(op)) {
  case Kind::Source:
  case Kind::View:
  case Kind::Broadcast:
  case Kind::Permutation:
    return 0;
  case Kind::Load:
    return 10;
  case Kind::Elementwise:
    break;
  default:
    return 4;
  }
  if (mlir::isa<mlir::arith::DivSIOp, mlir::arith::DivUIOp, mlir::arith::RemSIOp, mlir::arith::RemUIOp,
                mlir::arith::RemFOp, tt::ExternElementwiseOp>(op))
    return 20;
  if (mlir::isa<mlir::math::AbsFOp, mlir::math::FmaOp, mlir::math::FloorOp, mlir::math::CeilOp>(op)) return 1;
  if (op.getName().getDialectNamespace() == "math") return 12;
  if (mlir::isa<mlir::arith::DivFOp, tt::PreciseDivFOp, tt::PreciseSqrtOp, tt::FpToFpOp>(op)) return 6;
  if (mlir::isa<mlir::arith::TruncFOp, mlir::arith::ExtFOp>(op)) return 3;
  return 1;
}

} // namespace

Plan::Plan(tt::FuncOp entry, const Callees& callees, const tt::AxisInfoAnalysis* facts)
    : callees_(callees), facts_(facts) {
  mlir::Region& body = entry.getBody();
  number(body);
  // The second round knows from the first which operands are only read.
  for (int round = 0; round < 2; ++round) {
    visit([&](mlir::Operation& op) { estimate(op); }, false);
    conditions_.clear();
    visit([&](mlir::Operation& op) { decide(op); }, true);
  }
  visit([&](mlir::Operation& op) { defer(op); }, false);
  visit([&](mlir::Operation& op) { shareSlots(op); }, false);
  allocate();
}

void Plan::number(mlir::Region& region) {
  branches_ |= region.getBlocks().size() > 1;
  for (mlir::Block& block : region)
    for (mlir::Operation& op : block) {
      unsigned at = unsigned(order_.size());
      order_.push_back(&op);
      auto effects = mlir::dyn_cast<mlir::MemoryEffectOpInterface>(op);
      bool recursive = op.hasTrait<mlir::OpTrait::HasRecursiveMemoryEffects>();
      if (effects ? effects.hasEffect<mlir::MemoryEffects::Write>() : !recursive) writes_.push_back(at);
      if (auto callee = callees_.find(&op); callee != callees_.end()) {
        tt::FuncOp function = callee->second;
        number(function.getBody());
      }
      if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op)) markCarried(loop);
      for (mlir::Region& inner : op.getRegions())
        number(inner);
      positions_[&op] = {at, unsigned(order_.size()) - 1};
    }
}

void Plan::markCarried(mlir::scf::ForOp loop) {
  for (auto [argument, yielded, result] :
       llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues(), loop.getResults()))
    if (isTile(argument))
      tiles_[argument].home = tiles_[result].home =
          carriedSteps(yielded, argument) ? Home::Carried : Home::Slot;
}

void Plan::visit(llvm::function_ref<void(mlir::Operation&)> action, bool reverse) {
  if (reverse)
    for (mlir::Operation* op : llvm::reverse(order_))
      action(*op);
  else
    for (mlir::Operation* op : order_)
      action(*op);
}

void Plan::estimate(mlir::Operation& op) {
  int cost = ownCost(op);
  bool loads = kindOf(op) == Kind::Load;
  for (mlir::Value operand : op.getOperands()) {
    auto known = isTile(operand) ? tiles_.find(operand) : tiles_.end();
    if (known == tiles_.end()) continue;
    bool stored = known->second.home == Home::Slot || known->second.cost >= mostCost;
    cost = std::min(cost + (stored ? 1 : known->second.cost), mostCost);
    loads |= !stored && known->second.loads;
  }
  for (mlir::Value result : op.getResults())
    if (isTile(result)) {
      tiles_[result].cost = cost;
      tiles_[result].loads = loads;
    }
  for (mlir::Region& region : op.getRegions())
    for (mlir::Block& block : region)
      for (mlir::Value argument : block.getArguments())
        if (isTile(argument)) tiles_[argument].cost = 2;
}

void Plan::addSink(Tile& tile, mlir::Operation* sink, bool mapped) {
  tile.manySinks |= tile.sink && tile.sink != sink;
  tile.sink = sink;
  tile.mapped |= mapped;
  tile.lastUse = std::max(tile.lastUse, positions_.at(sink).first);
}

void Plan::addSinksOf(Tile& tile, mlir::Value through, bool mapped) {
  auto found = tiles_.find(through);
  if (found == tiles_.end()) return;
  const Tile& other = found->second;
  if (!other.sink) return;
  bool many = tile.manySinks || other.manySinks;
  addSink(tile, other.sink, mapped || other.mapped);
  tile.manySinks |= many;
  tile.lastUse = std::max(tile.lastUse, other.lastUse);
}

// Which operations' loops evaluate `value`, given where its users live.
void Plan::gatherSinks(mlir::Value value, Tile& tile) {
  for (mlir::OpOperand& use : value.getUses()) {
    mlir::Operation* user = use.getOwner();
    if (!positions_.count(user)) continue;
    Kind kind = kindOf(*user);
    if (kind == Kind::Control) {
      if (auto callee = callees_.find(user); callee != callees_.end()) {
        tt::FuncOp function = callee->second;
        addSinksOf(tile, function.getArgument(use.getOperandNumber()), false);
        continue;
      }
      if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(user)) {
        auto argument = loop.getTiedLoopRegionIterArg(&use);
        if (argument && tiles_[argument].home == Home::Carried) {
          addSinksOf(tile, argument, false);
          addSinksOf(tile, loop.getTiedLoopResult(&use), false);
          continue;
        }
      }
      if (auto yield = mlir::dyn_cast<mlir::scf::YieldOp>(user))
        if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(yield->getParentOp()))
          if (tiles_[loop.getRegionIterArg(use.getOperandNumber())].home == Home::Carried) continue;
      addSink(tile, user, false);
      continue;
    }
    bool mapped = kind == Kind::Permutation || (kind == Kind::Gather && use.getOperandNumber() == 0) ||
                  (kind == Kind::Broadcast && elements(user->getResult(0)) != elements(value));
    bool stored = kind == Kind::Root || kind == Kind::Scalar ||
                  llvm::any_of(user->getResults(), [&](mlir::Value result) {
                    return !isTile(result) || tiles_[result].home == Home::Slot;
                  });
    if (stored)
      addSink(tile, user, mapped);
    else
      for (mlir::Value result : user->getResults())
        addSinksOf(tile, result, mapped);
  }
}

bool Plan::writtenBetween(mlir::Operation* from, mlir::Operation* to) const {
  auto next = llvm::upper_bound(writes_, positions_.at(from).second);
  return next != writes_.end() && *next < positions_.at(to).first;
}

// Reading inside the loops of a store to another argument is right if the two lie apart, or, where each
// element is read and written at one place, if they are the same.
void Plan::requireApart(mlir::Value read, mlir::Value written) {
  using Kind = LaunchCondition::Kind;
  const bool inPlace = tt::sameOffsets(read, written) && tt::hasDistinctElements(written, *facts_);
  auto number = [](mlir::Value argument) {
    return int(mlir::cast<mlir::BlockArgument>(argument).getArgNumber());
  };
  const auto origins = tt::pointerOrigins(read), others = tt::pointerOrigins(written);
  for (mlir::Value from : *origins)
    for (mlir::Value to : *others)
      require(conditions_, {.kind = inPlace ? Kind::SameOrDistinct : Kind::Distinct,
                            .argument = std::min(number(from), number(to)),
                            .other = std::max(number(from), number(to))});
}

// Would reading `load` inside the loops of `sink`, element by element, find what these have written? Not
// where each element is overwritten in the very step that reads it, and no other step touches its address.
bool Plan::overwrites(mlir::Operation* sink, mlir::Operation* load) {
  auto reads = tt::memoryAccess(load), writes = tt::memoryAccess(sink);
  if (!reads || !writes || !writes->writes) return false;
  if (!facts_) return true;
  bool inCallee = callOf(load->getParentOfType<tt::FuncOp>()); // whose arguments may be one and the same
  if (!inCallee && !tt::mayOverlap(*reads, *writes)) {
    requireApart(reads->address, writes->address);
    return false;
  }
  bool plain = mlir::isa<tt::StoreOp>(sink) && mlir::isa<tt::LoadOp>(load);
  if (plain && tt::liesApart(reads->address, writes->address)) return false;
  return !plain || !tt::sameAddresses(reads->address, writes->address) ||
         !tt::hasDistinctElements(writes->address, *facts_);
}

bool Plan::mayStayVirtual(mlir::Value value, const Tile& tile) {
  mlir::Operation* op = value.getDefiningOp();
  Kind kind = kindOf(*op);
  if (kind == Kind::Root || kind == Kind::Control) return false;
  // A gather reads its source at computed places, from memory: however cheap it is, and a constant too.
  if (llvm::any_of(value.getUses(), [](mlir::OpOperand& use) {
        return mlir::isa<tt::GatherOp>(use.getOwner()) && use.getOperandNumber() == 0;
      }))
    return false;
  if (mlir::DenseElementsAttr dense; mlir::matchPattern(value, mlir::m_Constant(&dense))) return true;
  if (kind == Kind::Gather || tile.cost >= mostCost) return false;
  if (!tile.sink) return true;
  bool once = !tile.manySinks && !tile.mapped && tile.sink->getBlock() == op->getBlock();
  // A chain that loads must be evaluated before anything is written; its own operations sink where it does.
  if (kind == Kind::Load) return once && !writtenBetween(op, tile.sink) && !overwrites(tile.sink, op);
  if (once) return !tile.loads || !writtenBetween(op, tile.sink);
  return tile.cost <= cheap && !tile.loads;
}

void Plan::decideValue(mlir::Value value) {
  Tile& tile = tiles_[value];
  tile.sink = nullptr;
  tile.manySinks = tile.mapped = false;
  tile.lastUse = 0;
  Tile gathered = tile;
  gatherSinks(value, gathered);
  gathered.home = mayStayVirtual(value, gathered) ? Home::Virtual : Home::Slot;
  tiles_[value] = gathered;
}

void Plan::decide(mlir::Operation& op) {
  if (op.getNumRegions() || callees_.count(&op)) decideLoopArguments(op);
  for (mlir::Value result : op.getResults())
    if (isTile(result) && tiles_[result].home != Home::Carried) decideValue(result);
  // Blocks of a function with branches: their arguments are stored by whoever branches.
  if (&op == &op.getBlock()->front() && !op.getBlock()->isEntryBlock())
    for (mlir::Value argument : op.getBlock()->getArguments())
      if (isTile(argument)) {
        Tile tile = tiles_[argument];
        gatherSinks(argument, tile);
        tile.home = Home::Slot;
        tiles_[argument] = tile;
      }
}

void Plan::decideLoopArguments(mlir::Operation& op) {
  auto collect = [&](mlir::Value value, Home home, mlir::Value from) {
    Tile tile = tiles_[value];
    tile.sink = nullptr;
    tile.manySinks = tile.mapped = false;
    tile.lastUse = positions_.at(&op).second;
    tile.home = home;
    tile.from = from;
    gatherSinks(value, tile);
    tiles_[value] = tile;
  };
  if (auto callee = callees_.find(&op); callee != callees_.end()) {
    tt::FuncOp function = callee->second;
    for (auto [argument, operand] : llvm::zip(function.getArguments(), op.getOperands()))
      if (isTile(argument)) collect(argument, Home::Carried, operand);
    return;
  }
  if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op)) {
    for (auto [argument, init, result] :
         llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs(), loop.getResults())) {
      if (!isTile(argument)) continue;
      bool carried = tiles_[argument].home == Home::Carried;
      collect(argument, carried ? Home::Carried : Home::Slot, carried ? mlir::Value(init) : mlir::Value());
      if (carried) collect(result, Home::Carried, init);
    }
    return;
  }
  if (mlir::isa<tt::ReduceOp, tt::ScanOp, tt::MapElementwiseOp>(op)) return;
  for (mlir::Region& region : op.getRegions())
    for (mlir::Block& block : region)
      for (mlir::Value argument : block.getArguments())
        if (isTile(argument)) collect(argument, Home::Slot, {});
}

std::optional<llvm::SmallVector<mlir::Value>> Plan::carriedSteps(mlir::Value yielded, mlir::Value argument) {
  if (mlir::isa<mlir::FloatType>(tt::elementType(argument.getType()))) return std::nullopt;
  llvm::SmallVector<mlir::Value> steps;
  auto isSplat = [](mlir::Value value) {
    mlir::DenseElementsAttr dense;
    if (mlir::matchPattern(value, mlir::m_Constant(&dense))) return dense.isSplat();
    return value.getDefiningOp<tt::SplatOp>() != nullptr;
  };
  while (yielded != argument) {
    mlir::Operation* op = yielded.getDefiningOp();
    if (!mlir::isa_and_nonnull<tt::AddPtrOp, mlir::arith::AddIOp>(op)) return std::nullopt;
    unsigned base = isSplat(op->getOperand(1)) ? 0 : 1;
    if (base && (mlir::isa<tt::AddPtrOp>(op) || !isSplat(op->getOperand(0)))) return std::nullopt;
    steps.push_back(op->getOperand(1 - base));
    yielded = op->getOperand(base);
  }
  return steps;
}

} // namespace tuned::cpu
