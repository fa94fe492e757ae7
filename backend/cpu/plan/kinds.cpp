#include "backend/cpu/plan/plan.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Dialect/UB/IR/UBOps.h>

namespace tuned::cpu {

int64_t storageBytes(mlir::Type element) {
  if (auto type = mlir::dyn_cast<mlir::IntegerType>(element)) return (type.getWidth() + 7) / 8;
  if (auto type = mlir::dyn_cast<mlir::FloatType>(element)) return (type.getWidth() + 7) / 8;
  return 8;
}

Kind kindOf(mlir::Operation& op) {
  if (op.getNumRegions() && !mlir::isa<tt::ReduceOp, tt::ScanOp, tt::MapElementwiseOp>(op))
    return Kind::Control;
  if (op.hasTrait<mlir::OpTrait::IsTerminator>() || mlir::isa<tt::CallOp>(op)) return Kind::Control;
  auto isTensor = [](mlir::Type type) { return mlir::isa<mlir::RankedTensorType>(type); };
  bool tensorResult = llvm::any_of(op.getResultTypes(), isTensor);
  if (!tensorResult && llvm::none_of(op.getOperandTypes(), isTensor)) return Kind::Scalar;
  return llvm::TypeSwitch<mlir::Operation*, Kind>(&op)
      .Case<mlir::arith::ConstantOp, mlir::ub::PoisonOp, tt::MakeRangeOp, tt::SplatOp>(
          [](auto) { return Kind::Source; })
      .Case<tt::ExpandDimsOp, tt::ReshapeOp>([](auto) { return Kind::View; })
      .Case<tt::BroadcastOp>([](auto) { return Kind::Broadcast; })
      .Case<tt::TransOp, tt::SplitOp>([](auto) { return Kind::Permutation; })
      .Case<tt::LoadOp, tt::DescriptorLoadOp, tt::DescriptorGatherOp>([](auto) { return Kind::Load; })
      .Case<tt::GatherOp>([](auto) { return Kind::Gather; })
      .Case<tt::AddPtrOp, tt::IntToPtrOp, tt::PtrToIntOp, tt::BitcastOp, tt::FpToFpOp, tt::ClampFOp,
            tt::MulhiUIOp, tt::PreciseSqrtOp, tt::PreciseDivFOp>([](auto) { return Kind::Elementwise; })
      .Case<tt::ExternElementwiseOp>([](auto) { return Kind::Elementwise; })
      .Default([&](mlir::Operation* any) {
        llvm::StringRef dialect = any->getName().getDialectNamespace();
        return dialect == "arith" || dialect == "math" ? Kind::Elementwise : Kind::Root;
      });
}

} // namespace tuned::cpu
