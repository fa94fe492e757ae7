// An operation with scratch memory writes it, waits for all threads inside, and reads it. Before it writes,
// the readers of what lay there must have finished: a barrier goes in front unless one has passed since.
// Along every path, loops included: the state is the set of regions read since the last barrier, joined to a
// fixpoint.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/Builders.h>
#include <set>

namespace tuned::nvptx {
namespace {

struct Interval {
  int64_t begin, end;
  auto operator<=>(const Interval&) const = default;
};
using Pending = std::set<Interval>; ///< regions that some thread may still be reading

class Barriers {
public:
  void block(mlir::Block& block, Pending& pending) {
    for (mlir::Operation& op : llvm::make_early_inc_range(block))
      visit(op, pending);
  }

private:
  void visit(mlir::Operation& op, Pending& pending) {
    if (op.getNumRegions() != 0 && !op.hasAttr("nv.scratch")) return regions(op, pending);
    if (mlir::isa<BarrierOp>(op) || op.getName().getStringRef() == "gpu.barrier") return pending.clear();
    auto offset = op.getAttrOfType<mlir::IntegerAttr>("nv.scratch");
    if (!offset) return;
    Interval mine{offset.getInt(),
                  offset.getInt() + op.getAttrOfType<mlir::IntegerAttr>("nv.scratch_bytes").getInt()};
    auto overlaps = [&](const Interval& other) { return mine.begin < other.end && other.begin < mine.end; };
    if (llvm::any_of(pending, overlaps)) {
      mlir::OpBuilder builder(&op);
      BarrierOp::create(builder, op.getLoc());
    }
    // The barrier inside the operation ends what was read before it; its own reads come after.
    pending = {mine};
  }

  /// Every region may run, not run or run again: states are joined until nothing changes.
  void regions(mlir::Operation& op, Pending& pending) {
    for (bool changed = true; changed;) {
      Pending before = pending;
      for (mlir::Region& region : op.getRegions())
        for (mlir::Block& inner : region) {
          Pending state = pending;
          block(inner, state);
          pending.insert(state.begin(), state.end());
        }
      changed = pending != before;
    }
  }
};

} // namespace

Result<void> insertBarriers(PassContext& context) {
  // Blocks of the function's own control flow are visited until the states settle, as a loop's region is.
  Barriers barriers;
  Pending pending;
  for (bool changed = true; changed;) {
    Pending before = pending;
    for (mlir::Block& block : context.function.getBody()) {
      Pending state = pending;
      barriers.block(block, state);
      pending.insert(state.begin(), state.end());
    }
    bool single = context.function.getBody().hasOneBlock();
    changed = !single && pending != before;
  }
  return {};
}

} // namespace tuned::nvptx
