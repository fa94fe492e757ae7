// Homes for tensors: the layout each is computed in. Dots and memory accesses know theirs (anchors); it
// spreads first along the data, then against it, and what is left gets a plain row-major layout.
#include "backend/nvptx/dot_plan.h"
#include "backend/nvptx/errors.h"
#include "backend/nvptx/passes/layouts/coalesce.h"
#include "backend/nvptx/passes/layouts/layout_rules.h"
#include "backend/nvptx/passes/pass.h"

#include <deque>
#include <mlir/IR/Builders.h>

namespace tuned::nvptx {
namespace {

bool isTensor(mlir::Value value) {
  return mlir::isa<mlir::RankedTensorType>(value.getType());
}

class Homes {
public:
  explicit Homes(PassContext& passContext) : context(passContext) {}

  void run() {
    anchorDots();
    forward();
    anchorAccesses();
    forward();
    backward();
    fillIn();
    write();
  }

private:
  void give(mlir::Value value, const LinearLayout& layout) {
    if (!isTensor(value) || !homes.try_emplace(value, layout).second) return;
    fresh.push_back(value);
  }
  void giveResults(mlir::Operation* op, const LinearLayout& layout) {
    for (mlir::Value result : op->getResults())
      give(result, layout);
  }

  void anchorDot(tt::DotOp dot) {
    DotPlan plan = dotPlan(dot, context);
    give(dot.getD(), plan.d);
    // Only these take shared memory, and layouts do not tell: their operands may lie in any.
    if (plan.instruction == DotInstruction::Scalar)
      dot->setAttr("nv.scalar", mlir::UnitAttr::get(dot.getContext()));
  }

  void anchorDots() {
    context.function.walk([&](mlir::Operation* op) {
      if (auto dot = mlir::dyn_cast<tt::DotOp>(op)) anchorDot(dot);
      if (auto scan = mlir::dyn_cast<tt::ScanOp>(op))
        giveResults(
            op, scanned(tt::shapeOf(scan->getResult(0).getType()).vec(), scan.getAxis(), context.numWarps));
      if (auto map = mlir::dyn_cast<tt::MapElementwiseOp>(op); map && map.getPack() > 1) {
        auto shape = tt::shapeOf(map->getOperand(0).getType());
        giveResults(op, coalesced(shape.vec(), rowMajor(shape.size()), map.getPack(), context.numWarps));
      }
    });
  }

  void anchorAccesses() {
    for (auto& [op, layout] : coalescedAccesses(context)) {
      anchored.try_emplace(op, layout);
      // A store follows its value when that costs few more instructions than a conversion would.
      if (op->getNumResults() == 0)
        stores.push_back(op);
      else
        giveResults(op, layout);
    }
  }

  /// From values to what is made of them.
  void forward() {
    while (!fresh.empty()) {
      mlir::Value value = fresh.front();
      fresh.pop_front();
      LinearLayout layout = homes.at(value);
      for (mlir::OpOperand& use : value.getUses()) {
        for (mlir::Value arrival : arrivals(use))
          give(arrival, layout);
        mlir::Operation* user = use.getOwner();
        if (anchored.contains(user)) continue;
        if (auto next = layoutForward(user, use.getOperandNumber(), layout)) giveResults(user, *next);
      }
    }
  }

  /// From what operations ask for to the values that have no home yet.
  void backward() {
    for (mlir::Operation* store : stores)
      chooseStore(store);
    std::deque<mlir::Value> demanding;
    auto ask = [&](mlir::Value value, const LinearLayout& layout) {
      if (!isTensor(value) || homes.contains(value)) return;
      if (mlir::Operation* op = value.getDefiningOp(); op && forwardOnly(op)) return;
      homes.try_emplace(value, layout);
      demanding.push_back(value);
    };
    auto askOperands = [&](mlir::Operation* op, const LinearLayout& layout) {
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        if (auto wanted = layoutBackward(op, i, layout)) ask(op->getOperand(i), *wanted);
    };
    for (auto& [op, layout] : anchored)
      askOperands(op, layout);
    context.function.walk<mlir::WalkOrder::PostOrder>([&](mlir::Operation* op) {
      for (mlir::Value result : op->getResults())
        if (homes.contains(result)) demanding.push_back(result);
    });
    while (!demanding.empty()) {
      mlir::Value value = demanding.front();
      demanding.pop_front();
      LinearLayout layout = homes.at(value);
      if (mlir::Operation* op = value.getDefiningOp()) askOperands(op, layout);
      for (mlir::OpOperand* source : departures(value)) {
        ask(source->get(), layout);
        for (mlir::Value other : arrivals(*source))
          ask(other, layout);
      }
    }
    fresh.clear();
  }

  void chooseStore(mlir::Operation* store) {
    LinearLayout& layout = anchored.find(store)->second;
    mlir::Value value =
        mlir::isa<tt::StoreOp>(store) ? mlir::cast<tt::StoreOp>(store).getValue() : mlir::Value();
    if (!value || !homes.contains(value)) return;
    const LinearLayout& home = homes.at(value);
    // Elements side by side in a thread go in one instruction.
    auto instructions = [](const LinearLayout& candidate, unsigned vector) {
      return candidate.registerCount() / std::min(vector, candidate.registerCount());
    };
    unsigned wanted = leadingRun(layout, layout), found = leadingRun(home, layout);
    if (instructions(home, found) <= std::max(2u, instructions(layout, wanted))) layout = home;
  }

  /// Elements side by side, along the fastest dimension of `like`, that a thread holds in `layout`.
  static unsigned leadingRun(const LinearLayout& layout, const LinearLayout& like) {
    Span held(layout.registers);
    unsigned run = 1;
    for (uint32_t vector : like.registers) {
      if (!held.contains(vector) || run == 16) break;
      run *= 2;
    }
    return run;
  }

  /// The rest in program order: by the first operand that has a home, else row-major.
  void fillIn() {
    context.function.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) {
      for (mlir::Region& region : op->getRegions())
        for (mlir::Block& block : region)
          for (mlir::Value argument : block.getArguments())
            giveDefault(argument);
      for (unsigned i = 0; i < op->getNumOperands(); ++i) {
        mlir::Value operand = op->getOperand(i);
        if (!isTensor(operand) || !homes.contains(operand)) continue;
        auto layout = layoutForward(op, i, homes.at(operand));
        if (!layout && mlir::isa<tt::SplitOp>(op)) layout = layoutForward(op, i, splitSource(operand));
        if (layout) giveResults(op, *layout);
        if (layout) break;
      }
      for (mlir::Value result : op->getResults())
        giveDefault(result);
      forward();
    });
  }

  LinearLayout splitSource(mlir::Value operand) const {
    auto shape = tt::shapeOf(operand.getType()).vec();
    return coalesced(shape, rowMajor(shape.size()), 2, context.numWarps);
  }

  void giveDefault(mlir::Value value) {
    if (!isTensor(value)) return;
    auto shape = tt::shapeOf(value.getType()).vec();
    give(value, coalesced(shape, rowMajor(shape.size()), 1, context.numWarps));
  }

  void write() {
    for (auto& [value, layout] : homes) {
      auto type = withLayout(value.getType(), layout);
      value.setType(type);
      if (auto constant = value.getDefiningOp<mlir::arith::ConstantOp>()) {
        auto elements = mlir::cast<mlir::DenseElementsAttr>(constant.getValue());
        constant.setValueAttr(elements.isSplat() ? elements.resizeSplat(type) : elements.reshape(type));
      }
    }
    for (mlir::Operation* store : stores) {
      mlir::Value first;
      for (mlir::Value operand : store->getOperands())
        if (isTensor(operand)) first = operand;
      store->setAttr("nv.layout", withLayout(first.getType(), anchored.find(store)->second).getEncoding());
    }
  }

  PassContext& context;
  llvm::DenseMap<mlir::Value, LinearLayout> homes;
  llvm::MapVector<mlir::Operation*, LinearLayout> anchored;
  std::vector<mlir::Operation*> stores;
  std::deque<mlir::Value> fresh;
};

/// Sizes are powers of two (the maps are linear over bits) and not too large.
Result<void> checkShapes(tt::FuncOp function) {
  Result<void> answer;
  function.walk([&](mlir::Operation* op) {
    for (mlir::Type type : op->getResultTypes())
      for (int64_t size : tt::shapeOf(type)) {
        if (size > 0 && llvm::isPowerOf2_64(static_cast<uint64_t>(size))) continue;
        answer = failAt(*op, ErrorKind::InvalidInput,
                        "a tile dimension of " + std::to_string(size) + " elements is no power of two");
        return mlir::WalkResult::interrupt();
      }
    return mlir::WalkResult::advance();
  });
  return answer;
}

} // namespace

Result<void> assignLayouts(PassContext& context) {
  if (auto checked = checkShapes(context.function); !checked) return checked;
  Homes(context).run();
  return {};
}

} // namespace tuned::nvptx
