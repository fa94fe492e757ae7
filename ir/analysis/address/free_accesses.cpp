#include "ir/analysis/address/free_accesses.h"

#include "ir/analysis/address/tile_bounds.h"
#include "ir/analysis/axis/axis_info.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <set>

namespace tuned::tt {

namespace {

namespace scf = mlir::scf;
using mlir::BlockArgument;
using mlir::Operation;
using mlir::Value;

/// Walks from a pointer to what it is made of.
class Origins {
public:
  bool visit(Value value) {
    if (!seen_.insert(value).second) return true;
    if (auto argument = mlir::dyn_cast<BlockArgument>(value)) return visitArgument(argument);
    Operation* op = value.getDefiningOp();
    if (mlir::isa<AddPtrOp, SplatOp, BroadcastOp, ExpandDimsOp, ReshapeOp, TransOp, UnsplatOp,
                  MakeTensorDescOp>(op))
      return visit(op->getOperand(0));
    if (mlir::isa<mlir::arith::SelectOp>(op)) return visit(op->getOperand(1)) && visit(op->getOperand(2));
    unsigned number = mlir::cast<mlir::OpResult>(value).getResultNumber();
    if (auto loop = mlir::dyn_cast<scf::ForOp>(op)) return visit(loop.getRegionIterArg(number));
    if (auto branch = mlir::dyn_cast<scf::IfOp>(op))
      return visit(branch.thenYield().getOperand(number)) && visit(branch.elseYield().getOperand(number));
    return false;
  }

  llvm::SmallVector<BlockArgument, 2> found;

private:
  bool visitArgument(BlockArgument argument) {
    Operation* parent = argument.getOwner()->getParentOp();
    if (mlir::isa<FuncOp>(parent)) {
      found.push_back(argument);
      return true;
    }
    auto loop = mlir::dyn_cast<scf::ForOp>(parent);
    if (!loop || argument.getArgNumber() == 0) return false;
    unsigned number = argument.getArgNumber() - 1;
    return visit(loop.getInitArgs()[number]) && visit(loop.getYieldedValues()[number]);
  }

  llvm::DenseSet<Value> seen_;
};

struct Access {
  Operation* op;
  bool writes;
  llvm::SmallVector<BlockArgument, 2> origins;
};

Value pointerOf(Operation* op) {
  if (auto load = mlir::dyn_cast<LoadOp>(op)) return load.getPtr();
  if (auto store = mlir::dyn_cast<StoreOp>(op)) return store.getPtr();
  if (auto load = mlir::dyn_cast<DescriptorLoadOp>(op)) return load.getDesc();
  if (auto store = mlir::dyn_cast<DescriptorStoreOp>(op)) return store.getDesc();
  if (auto gather = mlir::dyn_cast<DescriptorGatherOp>(op)) return gather.getDesc();
  if (auto scatter = mlir::dyn_cast<DescriptorScatterOp>(op)) return scatter.getDesc();
  return {};
}

/// All accesses of the function; null where one is of a kind that others may wait for, or of unknown origin.
std::optional<std::vector<Access>> accessesOf(FuncOp function, bool& loops) {
  std::vector<Access> accesses;
  bool known = true;
  function.walk([&](Operation* op) {
    loops |= mlir::isa<scf::ForOp, scf::WhileOp>(op);
    if (Value pointer = pointerOf(op)) {
      auto origins = originsOf(pointer);
      auto load = mlir::dyn_cast<LoadOp>(op);
      known &= origins.has_value() && !(load && load.getIsVolatile());
      if (origins)
        accesses.push_back(
            {op, mlir::isa<StoreOp, DescriptorStoreOp, DescriptorScatterOp>(op), std::move(*origins)});
    } else if (op->getNumRegions() == 0 && !mlir::isMemoryEffectFree(op) &&
               !mlir::isa<AssertOp, PrintOp, ReturnOp>(op) &&
               op->getName().getStringRef() != "llvm.intr.assume") {
      known = false;
    }
  });
  return known ? std::optional(std::move(accesses)) : std::nullopt;
}

/// Bytes from the start of a descriptor's array to its end; null: sizes or strides are no constants.
std::optional<int64_t> bytesOf(MakeTensorDescOp maker, ProgramGrid& grid) {
  int64_t last = 0, unit = pointeeBytes(maker.getBase().getType());
  for (auto [size, stride] : llvm::zip_equal(maker.getShape(), maker.getStrides())) {
    auto length = grid.of(size), step = grid.of(stride);
    int64_t span = 0;
    if (!length || !step || !length->constant() || !step->constant() || length->lower < 1 ||
        step->lower < 0 || __builtin_mul_overflow(length->lower - 1, step->lower, &span) ||
        __builtin_add_overflow(last, span, &last))
      return std::nullopt;
  }
  bool fitting = mlir::isa<BlockArgument>(maker.getBase()) && last < INT64_MAX / unit - 1;
  return fitting ? std::optional((last + 1) * unit) : std::nullopt;
}

/// How many bytes from its argument's address on an access touches at most; null: not known.
std::optional<int64_t> bytesOf(Operation* op, AffineTiles& tiles) {
  Value pointer = pointerOf(op);
  if (auto maker = pointer.getDefiningOp<MakeTensorDescOp>()) return bytesOf(maker, tiles.grid());
  if (!mlir::isa<LoadOp, StoreOp>(op)) return std::nullopt;
  auto load = mlir::dyn_cast<LoadOp>(op);
  Value mask = load ? load.getMask() : mlir::cast<StoreOp>(op).getMask();
  auto bounds = mask ? boundsOf(mask, tiles, op) : std::optional(TileBounds());
  auto tile = tiles.of(pointer);
  // Where a mask keeps elements away, the tile says too much.
  if (!tile || !bounds || !bounds->empty() || !mlir::isa_and_nonnull<BlockArgument>(tile->base))
    return std::nullopt;
  auto facts = tiles.range(*tile, op);
  int64_t unit = pointeeBytes(pointer.getType());
  bool known = facts && facts->lower >= 0 && facts->upper < INT64_MAX / unit - 1;
  return known ? std::optional((facts->upper + 1) * unit) : std::nullopt;
}

bool inLoop(Operation* op) {
  return op->getParentOfType<scf::ForOp>() || op->getParentOfType<scf::WhileOp>();
}

/// Whether rows of the descriptor's array lie behind each other, as far as constants tell.
bool rowsApart(MakeTensorDescOp maker, ProgramGrid& grid) {
  int64_t within = 1;
  for (size_t d = maker.getShape().size(); d-- > 0;) {
    auto size = grid.of(maker.getShape()[d]), stride = grid.of(maker.getStrides()[d]);
    if (!size || !stride || !size->constant() || !stride->constant() || *size->constant() <= 0) return false;
    if (*stride->constant() < within ||
        __builtin_mul_overflow(*stride->constant(), *size->constant(), &within))
      return false;
  }
  return true;
}

/// Whether the stores write blocks of one array that never meet: through descriptors of the same array and
/// block, at multiples of the block, each place once in all programs and iterations.
bool neverMeet(llvm::ArrayRef<Operation*> stores, ProgramGrid& grid) {
  MakeTensorDescOp first;
  std::set<std::vector<int64_t>> places;
  for (Operation* op : stores) {
    auto store = mlir::dyn_cast<DescriptorStoreOp>(op);
    auto maker = store ? store.getDesc().getDefiningOp<MakeTensorDescOp>() : MakeTensorDescOp();
    if (!maker || op->getParentOfType<scf::WhileOp>() || op->getParentOfType<scf::IfOp>()) return false;
    if (!first) first = maker;
    if (!rowsApart(maker, grid)) return false;
    if (maker.getBase() != first.getBase() || maker.getStrides() != first.getStrides() ||
        maker.getType() != first.getType())
      return false;
    llvm::SmallVector<LinearForm> forms;
    auto block = maker.getType().getBlockType().getShape();
    for (auto [index, size] : llvm::zip_equal(store.getIndices(), block)) {
      LinearForm form = grid.linear(index);
      auto facts = grid.of(form);
      bool whole = facts && fits(*facts, index.getType()) && facts->lower >= 0 && facts->dividedBy(size);
      if (!whole) return false;
      forms.push_back(form);
    }
    // Each loop around the store must change its place: iterations that no index depends on write there
    // again.
    for (auto loop = op->getParentOfType<scf::ForOp>(); loop; loop = loop->getParentOfType<scf::ForOp>())
      forms.push_back(LinearForm::ofAtom({loop.getInductionVar(), Atom::Kind::Iteration}));
    auto rows = grid.rows(forms);
    if (!rows) return false;
    for (size_t i = 0; i < rows->front().size(); ++i) {
      std::vector<int64_t> place;
      for (size_t d = 0; d < block.size(); ++d)
        place.push_back((*rows)[d][i]);
      if (!places.insert(std::move(place)).second) return false;
    }
  }
  return true;
}

} // namespace

std::optional<llvm::SmallVector<BlockArgument, 2>> originsOf(Value pointer) {
  Origins origins;
  return origins.visit(pointer) ? std::optional(origins.found) : std::nullopt;
}

FreeAccesses::FreeAccesses(FuncOp function, ProgramGrid& grid) {
  bool loops = false;
  auto accesses = accessesOf(function, loops);
  if (!accesses || !loops) return;
  llvm::DenseSet<Value> read, written;
  for (const Access& access : *accesses)
    for (BlockArgument origin : access.origins)
      (access.writes ? written : read).insert(origin);
  std::map<unsigned, llvm::SmallVector<Operation*>> stores; // by argument
  for (const Access& access : *accesses) {
    if (access.writes) {
      bool alone = access.origins.size() == 1 && !read.contains(access.origins.front());
      if (alone)
        stores[access.origins.front().getArgNumber()].push_back(access.op);
      else
        for (BlockArgument origin : access.origins)
          stores[origin.getArgNumber()].push_back(nullptr); // nothing of that argument's is free
    } else if (llvm::none_of(access.origins, [&](BlockArgument o) { return written.contains(o); })) {
      free_.insert(access.op);
    }
  }
  for (auto& [argument, ops] : stores) {
    if (llvm::is_contained(ops, nullptr)) continue;
    bool once = ops.size() == 1 && !inLoop(ops.front());
    if (once || neverMeet(ops, grid)) free_.insert(ops.begin(), ops.end());
  }
  if (free_.empty()) return;
  AffineTiles tiles(grid);
  std::map<int, int64_t> bytes; // that are touched of each argument; 0: not known
  for (const Access& access : *accesses)
    for (BlockArgument origin : access.origins) {
      int64_t touched = bytesOf(access.op, tiles).value_or(0);
      auto [known, first] = bytes.try_emplace(int(origin.getArgNumber()), touched);
      if (!first) known->second = known->second == 0 || touched == 0 ? 0 : std::max(known->second, touched);
    }
  auto number = [](Value argument) { return int(mlir::cast<BlockArgument>(argument).getArgNumber()); };
  for (Value store : written)
    for (const llvm::DenseSet<Value>* others : {&read, &written})
      for (Value other : *others) {
        if (store == other || (others == &written && number(other) < number(store))) continue;
        require(conditions_, {.kind = LaunchCondition::Kind::Distinct,
                              .argument = number(store),
                              .other = number(other),
                              .bytes = bytes[number(store)],
                              .otherBytes = bytes[number(other)]});
      }
  llvm::sort(conditions_, [](const LaunchCondition& a, const LaunchCondition& b) {
    return std::pair(a.argument, a.other) < std::pair(b.argument, b.other);
  });
}

} // namespace tuned::tt
