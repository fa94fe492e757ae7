// The second half of the plan: which tiles share a slot, and where in scratch each slot is.
#include "backend/cpu/plan/plan.h"

#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::cpu {
namespace {

bool isTile(mlir::Value value) {
  return mlir::isa<mlir::RankedTensorType>(value.getType());
}

int64_t slotBytes(mlir::Value value) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  return (type.getNumElements() * storageBytes(type.getElementType()) + 63) / 64 * 64;
}

// A load whose mask is all true does not evaluate what masked lanes would get.
bool mayBeLeftOut(mlir::OpOperand& operand) {
  auto load = mlir::dyn_cast<tt::LoadOp>(operand.getOwner());
  return load && load.getOther() && operand.get() == load.getOther() && operand.get() != load.getMask();
}

// Free and taken room over time: first fit.
class Room {
public:
  int64_t take(unsigned from, unsigned to, int64_t bytes) {
    int64_t at = 0;
    for (const Taken& taken : taken_) // in the order of their place
      if (taken.from <= to && from <= taken.to && taken.at < at + bytes && at < taken.at + taken.bytes)
        at = taken.at + taken.bytes;
    auto place = llvm::find_if(taken_, [&](const Taken& taken) { return taken.at > at; });
    taken_.insert(place, {at, bytes, from, to});
    end_ = std::max(end_, at + bytes);
    return at;
  }
  int64_t end() const { return end_; }

private:
  struct Taken {
    int64_t at, bytes;
    unsigned from, to;
  };
  std::vector<Taken> taken_;
  int64_t end_ = 0;
};

} // namespace

mlir::Value Plan::representative(mlir::Value value) const {
  for (;;) {
    auto found = tiles_.find(value);
    if (found == tiles_.end() || !found->second.slotOf) return value;
    value = found->second.slotOf;
  }
}

mlir::Operation* Plan::callOf(mlir::Operation* function) const {
  for (auto [call, callee] : callees_)
    if (callee.getOperation() == function) return call;
  return nullptr;
}

int64_t Plan::offset(mlir::Value value) const {
  return tiles_.at(representative(value)).offset;
}

// Each value is looked at once: chains in which every step reads the one before twice have 2^steps paths.
Plan::Reads Plan::reads(mlir::Value value, mlir::Value tile) const {
  llvm::DenseMap<mlir::Value, Reads> known;
  auto of = [&](auto&& self, mlir::Value of) -> Reads {
    if (!isTile(of)) return Reads::No;
    const Tile& own = tiles_.at(of);
    if (own.home == Home::Slot) return sameSlot(of, tile) ? Reads::InPlace : Reads::No;
    if (auto found = known.find(of); found != known.end()) return found->second;
    Reads worst = Reads::No;
    if (own.home == Home::Carried) {
      worst = self(self, own.from);
    } else {
      mlir::Operation* op = of.getDefiningOp();
      Kind kind = kindOf(*op);
      bool moves = kind == Kind::Permutation || kind == Kind::Broadcast || kind == Kind::Gather;
      for (mlir::OpOperand& operand : op->getOpOperands()) {
        Reads one = self(self, operand.get());
        if (one != Reads::No && (moves || mayBeLeftOut(operand))) one = Reads::Elsewhere;
        worst = std::max(worst, one);
      }
    }
    known[of] = worst;
    return worst;
  };
  return of(of, value);
}

// Does emitting `op` read the elements of its operands?
bool Plan::evaluates(mlir::Operation& op) const {
  Kind kind = kindOf(op);
  return kind == Kind::Root || kind == Kind::Control || kind == Kind::Scalar ||
         llvm::any_of(op.getResults(), [&](mlir::Value result) {
           return isTile(result) && tiles_.at(result).home == Home::Slot;
         });
}

// Does evaluating `value` inside the loops of `sink` read memory that these write?
bool Plan::overwritesLoadsOf(mlir::Value value, mlir::Operation* sink) {
  llvm::SmallVector<mlir::Value> left = {value};
  llvm::DenseSet<mlir::Value> seen = {value};
  while (!left.empty()) {
    mlir::Operation* op = left.pop_back_val().getDefiningOp();
    if (!op) continue;
    if (kindOf(*op) == Kind::Load && overwrites(sink, op)) return true;
    for (mlir::Value operand : op->getOperands()) {
      auto known = isTile(operand) ? tiles_.find(operand) : tiles_.end();
      if (known != tiles_.end() && known->second.home == Home::Virtual && seen.insert(operand).second)
        left.push_back(operand);
    }
  }
  return false;
}

// A tile that a reduction or a store is the first to read is stored by that operation's loop, on the way.
void Plan::defer(mlir::Operation& op) {
  Kind kind = kindOf(op);
  if ((kind != Kind::Elementwise && kind != Kind::Load) || op.getNumResults() != 1 ||
      !isTile(op.getResult(0)))
    return;
  mlir::Value value = op.getResult(0);
  if (tiles_.at(value).home != Home::Slot) return;
  for (mlir::Operation* next = op.getNextNode(); next; next = next->getNextNode()) {
    if (kindOf(*next) == Kind::Control) return;
    Reads reading = Reads::No;
    if (evaluates(*next))
      for (mlir::Value operand : next->getOperands())
        reading = std::max(reading, reads(operand, value));
    bool fills = reading == Reads::InPlace && mlir::isa<tt::ReduceOp, tt::StoreOp>(next);
    if (fills && !overwritesLoadsOf(value, next)) {
      tiles_[value].filledBy = next;
      for (mlir::Value operand : op.getOperands())
        extendUses(operand, positions_.at(next).first);
      return;
    }
    bool writes = llvm::binary_search(writes_, positions_.at(next).first);
    if (reading != Reads::No || (writes && tiles_.at(value).loads)) return;
  }
}

// `value` is evaluated as late as `position`: so are the slots that this reads.
void Plan::extendUses(mlir::Value value, unsigned position) {
  llvm::SmallVector<mlir::Value> left = {value};
  llvm::DenseSet<mlir::Value> seen;
  while (!left.empty()) {
    mlir::Value next = left.pop_back_val();
    if (!isTile(next) || !seen.insert(next).second) continue;
    Tile& tile = tiles_[next];
    if (tile.home == Home::Slot) tile.lastUse = std::max(tile.lastUse, position);
    if (tile.home == Home::Carried) left.push_back(tile.from);
    if (tile.home == Home::Virtual) llvm::append_range(left, next.getDefiningOp()->getOperands());
  }
}

// May `value` be written into the slot of a loop's argument, which it will be yielded to?
bool Plan::mayWriteInto(mlir::Value value, mlir::Value loopArgument) const {
  mlir::Operation* op = value.getDefiningOp();
  if (!op || op->getBlock() != loopArgument.getParentBlock()) return false;
  const Tile& own = tiles_.at(value);
  if (own.home != Home::Slot || own.slotOf || own.filledBy) return false;
  unsigned at = positions_.at(op).first, last = 0;
  // The argument's own last use was kept to the loop's end; look at its readers again.
  auto [first, end] = positions_.at(loopArgument.getParentBlock()->getParentOp());
  for (unsigned position = first + 1; position <= end; ++position) {
    mlir::Operation* user = order_[position];
    if (!evaluates(*user)) continue;
    unsigned when = position;
    if (user->getNumResults() == 1 && isTile(user->getResult(0)) && tiles_.at(user->getResult(0)).filledBy)
      when = positions_.at(tiles_.at(user->getResult(0)).filledBy).first;
    for (mlir::Value operand : user->getOperands())
      if (reads(operand, loopArgument) != Reads::No) last = std::max(last, when);
  }
  if (last < at) return true;
  if (last > at) return false;
  if (auto dot = mlir::dyn_cast<tt::DotOp>(op))
    return reads(dot.getC(), loopArgument) == Reads::InPlace &&
           reads(dot.getA(), loopArgument) == Reads::No && reads(dot.getB(), loopArgument) == Reads::No;
  if (kindOf(*op) != Kind::Elementwise) return false;
  return llvm::all_of(op->getOperands(),
                      [&](mlir::Value operand) { return reads(operand, loopArgument) != Reads::Elsewhere; });
}

void Plan::shareSlots(mlir::Operation& op) {
  if (auto loop = mlir::dyn_cast<mlir::scf::WhileOp>(op))
    for (auto [argument, result] : llvm::zip(loop.getAfterArguments(), loop.getResults()))
      if (isTile(argument)) tiles_[argument].slotOf = result;
  auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op);
  if (!loop) return;
  for (auto [argument, result, yielded] :
       llvm::zip(loop.getRegionIterArgs(), loop.getResults(), loop.getYieldedValues())) {
    if (!isTile(argument) || tiles_.at(argument).home != Home::Slot) continue;
    tiles_[argument].slotOf = result;
  }
  for (auto [argument, yielded] : llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues()))
    if (isTile(argument) && tiles_.at(argument).home == Home::Slot && mayWriteInto(yielded, argument))
      tiles_[yielded].slotOf = argument;
}

// A value that is read inside a loop which began after it was made must live to that loop's end.
unsigned Plan::endOfUse(mlir::Value value, const Tile& tile) const {
  mlir::Operation* last = order_[tile.lastUse];
  mlir::Region* home = value.getParentRegion();
  unsigned end = tile.lastUse;
  for (mlir::Operation* op = last; op && op->getParentRegion() != home; op = op->getParentOp())
    if (auto found = positions_.find(op->getParentOp()); found != positions_.end())
      end = std::max(end, found->second.second);
  return end;
}

void Plan::allocate() {
  Room room;
  unsigned forever = unsigned(order_.size());
  auto place = [&](mlir::Value value, unsigned from) {
    Tile& tile = tiles_[value];
    if (tile.home != Home::Slot || tile.slotOf) return;
    unsigned to = std::max(from, endOfUse(value, tile));
    tile.offset = branches_ || !callees_.empty() ? room.take(0, forever, slotBytes(value))
                                                 : room.take(from, to, slotBytes(value));
  };
  for (mlir::Operation* op : order_) {
    auto [first, last] = positions_.at(op);
    for (mlir::Value result : op->getResults()) {
      if (!isTile(result)) continue;
      // What a region yields is written while the operation still runs.
      tiles_[result].lastUse = std::max(tiles_[result].lastUse, last);
      place(result, first);
    }
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        for (mlir::Value argument : block.getArguments())
          if (isTile(argument)) {
            tiles_[argument].lastUse = std::max(tiles_[argument].lastUse, last);
            place(argument, first);
          }
    if (op == &op->getBlock()->front() && !op->getBlock()->isEntryBlock())
      for (mlir::Value argument : op->getBlock()->getArguments())
        if (isTile(argument)) place(argument, first);
    for (auto [index, bytes] : llvm::enumerate(temporaryBytes(*op, *this)))
      temporaries_[{op, unsigned(index)}] = room.take(first, last, (bytes + 63) / 64 * 64);
  }
  scratchBytes_ = room.end();
}

} // namespace tuned::cpu
