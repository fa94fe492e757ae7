#include "backend/cpu/plan/assignments.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::cpu {

llvm::SmallVector<Assignment> assignmentsOf(mlir::Operation& op, const Plan& plan, unsigned successor) {
  llvm::SmallVector<Assignment> result;
  auto add = [&](mlir::ValueRange targets, mlir::ValueRange sources) {
    for (auto [target, source] : llvm::zip(targets, sources))
      if (mlir::isa<mlir::RankedTensorType>(target.getType()) && plan.home(target) == Plan::Home::Slot)
        result.push_back({target, source});
  };
  mlir::Operation* parent = op.getParentOp();
  llvm::TypeSwitch<mlir::Operation&>(op)
      .Case<mlir::scf::ForOp>([&](auto loop) { add(loop.getRegionIterArgs(), loop.getInitArgs()); })
      .Case<mlir::scf::WhileOp>([&](auto loop) { add(loop.getBeforeArguments(), loop.getInits()); })
      .Case<mlir::scf::ConditionOp>([&](auto condition) {
        add(mlir::cast<mlir::scf::WhileOp>(parent).getResults(), condition.getArgs());
      })
      .Case<mlir::scf::YieldOp>([&](auto yield) {
        if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(parent))
          add(loop.getRegionIterArgs(), yield.getOperands());
        else if (auto loop = mlir::dyn_cast<mlir::scf::WhileOp>(parent))
          add(loop.getBeforeArguments(), yield.getOperands());
        else
          add(parent->getResults(), yield.getOperands());
      })
      .Case<mlir::cf::BranchOp>(
          [&](auto branch) { add(branch.getDest()->getArguments(), branch.getDestOperands()); })
      .Case<mlir::cf::CondBranchOp>([&](auto branch) {
        if (successor == 0)
          add(branch.getTrueDest()->getArguments(), branch.getTrueDestOperands());
        else
          add(branch.getFalseDest()->getArguments(), branch.getFalseDestOperands());
      })
      .Case<tt::ReturnOp>([&](auto) {
        if (mlir::Operation* call = plan.callOf(parent)) add(call->getResults(), op.getOperands());
      });
  return result;
}

bool needsTemporary(llvm::ArrayRef<Assignment> assignments, size_t number, const Plan& plan) {
  for (size_t other = 0; other < assignments.size(); ++other) {
    Plan::Reads reads = plan.reads(assignments[number].source, assignments[other].target);
    if (reads == Plan::Reads::Elsewhere || (other != number && reads != Plan::Reads::No)) return true;
  }
  return false;
}

llvm::SmallVector<int64_t> temporaryBytes(mlir::Operation& op, const Plan& plan) {
  llvm::SmallVector<int64_t> bytes;
  auto tileBytes = [](mlir::Value tile, mlir::Type element) {
    return mlir::cast<mlir::RankedTensorType>(tile.getType()).getNumElements() * storageBytes(element);
  };
  if (auto dot = mlir::dyn_cast<tt::DotOp>(op)) {
    mlir::Type compute = dotComputeType(dot.getD());
    for (mlir::Value operand : {dot.getA(), dot.getB()})
      bytes.push_back(isOperandReady(dot, operand, plan) ? 0 : tileBytes(operand, compute));
    bytes.push_back(tt::elementType(dot.getD().getType()) == compute ? 0 : tileBytes(dot.getD(), compute));
    return bytes;
  }
  if (auto dot = mlir::dyn_cast<tt::DotScaledOp>(op)) {
    mlir::Type f32 = mlir::Float32Type::get(op.getContext());
    for (auto [operand, format] :
         {std::pair{dot.getA(), dot.getAElemType()}, {dot.getB(), dot.getBElemType()}})
      bytes.push_back(tileBytes(operand, f32) * (format == tt::ScaleDotElemType::E2M1 ? 2 : 1));
    bytes.push_back(tt::elementType(dot.getD().getType()) == f32 ? 0 : tileBytes(dot.getD(), f32));
    return bytes;
  }
  for (unsigned successor = 0; successor < std::max(1u, op.getNumSuccessors()); ++successor) {
    auto assignments = assignmentsOf(op, plan, successor);
    for (size_t number = 0; number < assignments.size(); ++number) {
      mlir::Value target = assignments[number].target;
      int64_t needed = needsTemporary(assignments, number, plan)
                           ? tileBytes(target, tt::elementType(target.getType()))
                           : 0;
      bytes.push_back(needed);
    }
  }
  return bytes;
}

mlir::Type dotComputeType(mlir::Value result) {
  mlir::Type element = tt::elementType(result.getType());
  if (mlir::isa<mlir::FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
    return mlir::Float32Type::get(element.getContext());
  return element;
}

bool truncatesOperands(tt::DotOp dot) {
  return dot.getInputPrecision() == tt::InputPrecision::TF32 && tt::elementType(dot.getA().getType()).isF32();
}

bool isOperandReady(tt::DotOp dot, mlir::Value operand, const Plan& plan) {
  return !truncatesOperands(dot) && isDense(operand, dotComputeType(dot.getD()), plan);
}

bool isDense(mlir::Value value, mlir::Type element, const Plan& plan) {
  return plan.home(value) == Plan::Home::Slot && tt::elementType(value.getType()) == element;
}

} // namespace tuned::cpu
