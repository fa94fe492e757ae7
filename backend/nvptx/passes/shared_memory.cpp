#include "backend/nvptx/passes/shared_memory.h"

#include "backend/nvptx/lowering/op_table.h"

#include <mlir/IR/Builders.h>
#include <mlir/Interfaces/ControlFlowInterfaces.h>
#include <mlir/Interfaces/LoopLikeInterface.h>

namespace tuned::nvptx {
namespace {

class ModelBuilder {
public:
  explicit ModelBuilder(const GlobalMemory* globalMemory) : global(globalMemory) {}

  SharedModel run(tt::FuncOp function) {
    function.walk([&](mlir::Operation* op) {
      if (uint32_t bytes = scratchBytes(*op)) {
        buffers[op] = static_cast<uint32_t>(model.owners.size());
        model.owners.push_back(op);
        model.program.buffers.push_back({llvm::alignTo<16>(bytes)});
      }
    });
    if (global) model.program.buffers.resize(model.owners.size() + global->operations().size());
    uint32_t entry = point(&function.getBody().front().front());
    region(function.getBody(), entry);
    return std::move(model);
  }

private:
  /// A place where control may leave a region: its terminator, and the last point in front of it.
  struct Exit {
    mlir::Operation* terminator;
    uint32_t point;
  };

  uint32_t point(mlir::Operation* inFront) {
    model.program.points.push_back({{{}}, {}, loop});
    model.inFront.push_back(inFront);
    return static_cast<uint32_t>(model.inFront.size() - 1);
  }
  void link(uint32_t from, uint32_t to) { model.program.points[from].successors.push_back(to); }

  /// The last point of the block's operations, which come behind `from`.
  uint32_t block(mlir::Block& body, uint32_t from) {
    for (mlir::Operation& op : body) {
      if (touches(op)) {
        uint32_t here = access(op);
        link(from, here);
        from = here;
      } else if (op.getNumRegions() != 0 && op.walk([&](mlir::Operation* inner) {
                                                return touches(*inner) ? mlir::WalkResult::interrupt()
                                                                       : mlir::WalkResult::advance();
                                              }).wasInterrupted()) {
        from = regions(op, from);
      }
    }
    return from;
  }

  bool touches(mlir::Operation& op) const {
    return touchesShared(op) || (global && global->number(&op).has_value());
  }

  uint32_t access(mlir::Operation& op) {
    uint32_t here = point(&op);
    std::vector<Phase> phases;
    for (const auto& phase : sharedPhases(op)) {
      phases.emplace_back();
      for (const OwnedAccess& access : phase)
        phases.back().push_back({buffers.at(access.owner ? access.owner : &op), access.reads, access.writes});
    }
    // An operation that waits for other threads itself has been to global memory by then.
    if (auto number = global ? global->number(&op) : std::nullopt) {
      tt::MemoryAccess what = global->access(*number);
      auto buffer = static_cast<uint32_t>(model.owners.size()) + *number;
      phases.front().push_back({buffer, what.reads, what.writes});
    }
    model.program.points[here].phases = std::move(phases);
    return here;
  }

  /// Where control leaves a region that is entered at `entry`. Blocks may branch to each other.
  std::vector<Exit> region(mlir::Region& body, uint32_t entry) {
    llvm::DenseMap<mlir::Block*, uint32_t> entries = {{&body.front(), entry}};
    for (mlir::Block& next : llvm::drop_begin(body))
      entries[&next] = point(&next.front());
    std::vector<Exit> exits;
    for (mlir::Block& here : body) {
      uint32_t last = block(here, entries.at(&here));
      mlir::Operation* terminator = here.getTerminator();
      for (mlir::Block* next : terminator->getSuccessors())
        link(last, entries.at(next));
      if (terminator->getNumSuccessors() == 0) exits.push_back({terminator, last});
    }
    return exits;
  }

  /// An operation's regions, in the orders it may run them: the point behind it.
  uint32_t regions(mlir::Operation& op, uint32_t from) {
    uint32_t front = point(&op);
    link(from, front);
    auto outer = loop;
    if (mlir::isa<mlir::LoopLikeOpInterface>(op)) loop = front;
    llvm::SmallDenseMap<mlir::Region*, uint32_t> entries;
    std::vector<std::pair<mlir::Region*, std::vector<Exit>>> exits;
    for (mlir::Region& inner : op.getRegions()) {
      if (inner.empty()) continue;
      uint32_t entry = point(&inner.front().front());
      entries[&inner] = entry;
      exits.emplace_back(&inner, region(inner, entry));
    }
    loop = outer;
    uint32_t behind = point(op.getNextNode());
    auto follow = [&](uint32_t last, mlir::RegionBranchPoint where) {
      llvm::SmallVector<mlir::RegionSuccessor> next;
      mlir::cast<mlir::RegionBranchOpInterface>(op).getSuccessorRegions(where, next);
      for (const mlir::RegionSuccessor& to : next)
        link(last, to.isParent() || to.getSuccessor()->empty() ? behind : entries.at(to.getSuccessor()));
    };
    auto anywhere = [&](uint32_t last) {
      for (auto [inner, entry] : entries)
        link(last, entry);
      link(last, behind);
    };
    bool known = mlir::isa<mlir::RegionBranchOpInterface>(op);
    known ? follow(front, mlir::RegionBranchPoint::parent()) : anywhere(front);
    for (auto& [inner, leaves] : exits)
      for (const Exit& exit : leaves) {
        auto leaving = mlir::dyn_cast<mlir::RegionBranchTerminatorOpInterface>(exit.terminator);
        known&& leaving ? follow(exit.point, leaving) : anywhere(exit.point);
      }
    return behind;
  }

  const GlobalMemory* global;
  SharedModel model;
  llvm::DenseMap<mlir::Operation*, uint32_t> buffers;
  std::optional<uint32_t> loop;
};

constexpr llvm::StringLiteral offsetName = "nv.scratch";

} // namespace

bool touchesShared(mlir::Operation& op) {
  SharedPhases phases = sharedPhases(op);
  return phases.size() > 1 || !phases.front().empty();
}

SharedModel sharedModel(tt::FuncOp function) {
  return ModelBuilder(nullptr).run(function);
}

SharedModel sharedModel(tt::FuncOp function, const GlobalMemory& global) {
  return ModelBuilder(&global).run(function);
}

void setScratchOffset(mlir::Operation& op, uint32_t offset) {
  op.setAttr(offsetName, mlir::Builder(op.getContext()).getI32IntegerAttr(static_cast<int32_t>(offset)));
}

uint32_t scratchOffset(mlir::Operation& op) {
  return static_cast<uint32_t>(op.getAttrOfType<mlir::IntegerAttr>(offsetName).getInt());
}

} // namespace tuned::nvptx
