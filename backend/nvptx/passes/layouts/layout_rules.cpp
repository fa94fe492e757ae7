#include "backend/nvptx/passes/layouts/layout_rules.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Interfaces/ControlFlowInterfaces.h>

namespace tuned::nvptx {
namespace {

bool isTensor(mlir::Value value) {
  return mlir::isa<mlir::RankedTensorType>(value.getType());
}

std::vector<int64_t> shapeOf(mlir::Value value) {
  return tt::shapeOf(value.getType()).vec();
}

LinearLayout reshaped(LinearLayout layout, std::vector<int64_t> shape) {
  layout.shape = std::move(shape);
  return layout;
}

template <typename F> LinearLayout mapped(LinearLayout layout, std::vector<int64_t> shape, F f) {
  for (Bases* bases : {&layout.registers, &layout.lanes, &layout.warps})
    llvm::transform(*bases, bases->begin(), f);
  return reshaped(std::move(layout), std::move(shape));
}

std::vector<unsigned> orderOf(tt::TransOp op) {
  return std::vector<unsigned>(op.getOrder().begin(), op.getOrder().end());
}

std::vector<unsigned> inverse(const std::vector<unsigned>& order) {
  std::vector<unsigned> result(order.size());
  for (unsigned i = 0; i < order.size(); ++i)
    result[order[i]] = i;
  return result;
}

/// join: the operand's element i becomes 2i and 2i + 1, a register bit tells them apart.
LinearLayout joined(const LinearLayout& half, std::vector<int64_t> shape) {
  LinearLayout result = mapped(half, std::move(shape), [](uint32_t vector) { return vector << 1; });
  result.registers.insert(result.registers.begin(), 1);
  return result;
}

LinearLayout halved(LinearLayout whole, std::vector<int64_t> shape) {
  std::erase(whole.registers, 1u);
  return mapped(std::move(whole), std::move(shape), [](uint32_t vector) { return vector >> 1; });
}

LinearLayout catenated(LinearLayout half, std::vector<int64_t> shape) {
  half.registers.push_back(half.elements());
  return reshaped(std::move(half), std::move(shape));
}

LinearLayout uncatenated(LinearLayout whole, std::vector<int64_t> shape) {
  std::erase(whole.registers, whole.elements() / 2);
  return reshaped(std::move(whole), std::move(shape));
}

} // namespace

bool splittable(const LinearLayout& layout) {
  auto others = [](uint32_t vector) { return (vector & 1) == 0; };
  return llvm::count(layout.registers, 1u) == 1 &&
         llvm::all_of(layout.registers, [&](uint32_t vector) { return vector == 1 || others(vector); }) &&
         llvm::all_of(layout.lanes, others) && llvm::all_of(layout.warps, others);
}

bool sameLayout(mlir::Operation* op) {
  if (mlir::isa<tt::ReduceOp, tt::ScanOp, tt::DotOp, tt::DotScaledOp, tt::GatherOp, tt::HistogramOp,
                tt::TransOp, tt::ReshapeOp, tt::BroadcastOp, tt::ExpandDimsOp, tt::JoinOp, tt::SplitOp,
                tt::CatOp, tt::SplatOp, tt::UnsplatOp, tt::PrintOp, tt::AssertOp, tt::DescriptorGatherOp,
                tt::DescriptorScatterOp, ConvertLayoutOp>(op))
    return false;
  if (op->hasTrait<mlir::OpTrait::IsTerminator>() || mlir::isa<mlir::RegionBranchOpInterface>(op))
    return false;
  return llvm::any_of(op->getOperands(), isTensor) || llvm::any_of(op->getResults(), isTensor);
}

bool forwardOnly(mlir::Operation* op) {
  return mlir::isa<tt::JoinOp, tt::CatOp, tt::SplitOp, tt::ReduceOp>(op);
}

std::optional<LinearLayout> layoutForward(mlir::Operation* op, unsigned index, const LinearLayout& operand) {
  if (op->getNumResults() == 0 || !isTensor(op->getResult(0))) return std::nullopt;
  if (sameLayout(op)) return operand;
  using Answer = std::optional<LinearLayout>;
  return llvm::TypeSwitch<mlir::Operation*, Answer>(op)
      .Case<tt::ExpandDimsOp, tt::ReshapeOp>(
          [&](auto view) -> Answer { return reshaped(operand, shapeOf(view.getResult())); })
      .Case([&](tt::TransOp view) -> Answer { return transpose(operand, orderOf(view)); })
      .Case([&](tt::JoinOp view) -> Answer { return joined(operand, shapeOf(view.getResult())); })
      .Case([&](tt::CatOp view) -> Answer { return catenated(operand, shapeOf(view.getResult())); })
      .Case([&](tt::SplitOp view) -> Answer {
        if (!splittable(operand)) return std::nullopt;
        return halved(operand, shapeOf(view.getOutLHS()));
      })
      .Case([&](tt::ReduceOp reduce) -> Answer {
        if (index != 0) return std::nullopt; // the others follow the first
        return slice(operand, reduce.getAxis());
      })
      .Case([&](tt::ScanOp) -> Answer { return operand; })
      .Case([&](tt::GatherOp) -> Answer {
        if (index == 1) return operand;
        return std::nullopt;
      })
      .Default(std::nullopt);
}

std::optional<LinearLayout> layoutBackward(mlir::Operation* op, unsigned index, const LinearLayout& result) {
  mlir::Value operand = op->getOperand(index);
  if (!isTensor(operand)) return std::nullopt;
  if (sameLayout(op)) return result;
  using Answer = std::optional<LinearLayout>;
  return llvm::TypeSwitch<mlir::Operation*, Answer>(op)
      .Case<tt::ExpandDimsOp, tt::ReshapeOp>(
          [&](auto) -> Answer { return reshaped(result, shapeOf(operand)); })
      .Case([&](tt::BroadcastOp) -> Answer { return unbroadcast(result, shapeOf(operand)); })
      .Case([&](tt::TransOp view) -> Answer { return transpose(result, inverse(orderOf(view))); })
      .Case([&](tt::JoinOp) -> Answer { return halved(result, shapeOf(operand)); })
      .Case([&](tt::CatOp) -> Answer { return uncatenated(result, shapeOf(operand)); })
      .Case([&](tt::SplitOp) -> Answer { return joined(result, shapeOf(operand)); })
      .Case([&](tt::ScanOp) -> Answer { return result; })
      .Case([&](tt::GatherOp) -> Answer {
        if (index == 1) return result;
        return std::nullopt;
      })
      .Default(std::nullopt);
}

llvm::SmallVector<mlir::Value, 2> arrivals(mlir::OpOperand& use) {
  mlir::Operation* op = use.getOwner();
  unsigned index = use.getOperandNumber();
  mlir::Operation* parent = op->getParentOp();
  if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op)) {
    if (index < loop.getNumControlOperands()) return {};
    unsigned i = index - loop.getNumControlOperands();
    return {loop.getRegionIterArg(i), loop.getResult(i)};
  }
  if (auto loop = mlir::dyn_cast<mlir::scf::WhileOp>(op)) return {loop.getBeforeArguments()[index]};
  if (mlir::isa<mlir::scf::YieldOp>(op)) {
    if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(parent))
      return {loop.getRegionIterArg(index), loop.getResult(index)};
    if (auto loop = mlir::dyn_cast<mlir::scf::WhileOp>(parent)) return {loop.getBeforeArguments()[index]};
    return {parent->getResult(index)};
  }
  if (auto condition = mlir::dyn_cast<mlir::scf::ConditionOp>(op)) {
    if (index == 0) return {};
    auto loop = mlir::cast<mlir::scf::WhileOp>(parent);
    return {loop.getAfterArguments()[index - 1], loop.getResult(index - 1)};
  }
  if (auto branch = mlir::dyn_cast<mlir::BranchOpInterface>(op))
    if (auto argument = branch.getSuccessorBlockArgument(index)) return {*argument};
  return {};
}

llvm::SmallVector<mlir::OpOperand*, 2> departures(mlir::Value value) {
  llvm::SmallVector<mlir::OpOperand*, 2> result;
  auto add = [&](mlir::Operation* op, unsigned index) { result.push_back(&op->getOpOperand(index)); };
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
    mlir::Operation* parent = argument.getOwner()->getParentOp();
    unsigned index = argument.getArgNumber();
    if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(parent)) {
      if (index == 0) return {};
      add(loop.getBody()->getTerminator(), index - 1);
      add(loop, index - 1 + loop.getNumControlOperands());
    } else if (auto loop = mlir::dyn_cast<mlir::scf::WhileOp>(parent)) {
      if (argument.getOwner() == loop.getBeforeBody()) {
        add(loop.getYieldOp(), index);
        add(loop, index);
      } else {
        add(loop.getConditionOp(), index + 1);
      }
    } else {
      for (mlir::Block* before : argument.getOwner()->getPredecessors()) {
        auto branch = mlir::cast<mlir::BranchOpInterface>(before->getTerminator());
        for (mlir::OpOperand& operand : branch->getOpOperands())
          if (branch.getSuccessorBlockArgument(operand.getOperandNumber()) == argument)
            result.push_back(&operand);
      }
    }
    return result;
  }
  auto output = mlir::cast<mlir::OpResult>(value);
  unsigned index = output.getResultNumber();
  if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(output.getOwner())) {
    add(loop.getBody()->getTerminator(), index);
    add(loop, index + loop.getNumControlOperands());
  } else if (auto loop = mlir::dyn_cast<mlir::scf::WhileOp>(output.getOwner())) {
    add(loop.getConditionOp(), index + 1);
  } else if (auto branch = mlir::dyn_cast<mlir::scf::IfOp>(output.getOwner())) {
    add(branch.thenBlock()->getTerminator(), index);
    if (branch.elseBlock()) add(branch.elseBlock()->getTerminator(), index);
  }
  return result;
}

} // namespace tuned::nvptx
