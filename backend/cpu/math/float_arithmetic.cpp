// Float operations. Narrow types are computed in f32 and rounded after every operation, as their types say.
#include "backend/cpu/emit/emitter.h"

#include <llvm/ADT/TypeSwitch.h>

namespace tuned::cpu {

namespace arith = mlir::arith;

llvm::Value* Emitter::applyFloat(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands) {
  mlir::Type type = tt::elementType(op.getResult(0).getType());
  if (mlir::isa<arith::SelectOp>(op)) return builder_.CreateSelect(operands[0], operands[1], operands[2]);
  if (mlir::isa<arith::NegFOp>(op) && type.getIntOrFloatBitWidth() < 32) {
    uint64_t sign = uint64_t(1) << (type.getIntOrFloatBitWidth() - 1);
    return builder_.CreateXor(operands[0], llvm::ConstantInt::get(operands[0]->getType(), sign));
  }
  Values v;
  for (llvm::Value* operand : operands)
    v.push_back(formats_.widen(operand, type));
  auto binary = [&](llvm::Intrinsic::ID id) { return builder_.CreateBinaryIntrinsic(id, v[0], v[1]); };
  llvm::Value* result =
      llvm::TypeSwitch<mlir::Operation&, llvm::Value*>(op)
          .Case<arith::AddFOp>([&](auto) { return builder_.CreateFAdd(v[0], v[1]); })
          .Case<arith::SubFOp>([&](auto) { return builder_.CreateFSub(v[0], v[1]); })
          .Case<arith::MulFOp>([&](auto) { return builder_.CreateFMul(v[0], v[1]); })
          .Case<arith::DivFOp, tt::PreciseDivFOp>([&](auto) { return builder_.CreateFDiv(v[0], v[1]); })
          .Case<arith::RemFOp>([&](auto) {
            bool isDouble = v[0]->getType()->getScalarType()->isDoubleTy();
            return callPerLane(isDouble ? "fmod" : "fmodf", v[0]->getType()->getScalarType(), v);
          })
          .Case<arith::NegFOp>([&](auto) { return builder_.CreateFNeg(v[0]); })
          .Case<arith::MaxNumFOp>([&](auto) { return binary(llvm::Intrinsic::maximumnum); })
          .Case<arith::MinNumFOp>([&](auto) { return binary(llvm::Intrinsic::minimumnum); })
          .Case<arith::MaximumFOp>([&](auto) { return binary(llvm::Intrinsic::maximum); })
          .Case<arith::MinimumFOp>([&](auto) { return binary(llvm::Intrinsic::minimum); })
          .Case<tt::PreciseSqrtOp>(
              [&](auto) { return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, v[0]); })
          .Case<tt::ClampFOp>([&](tt::ClampFOp clamp) {
            bool all = clamp.getPropagateNan() == tt::PropagateNan::ALL;
            llvm::Intrinsic::ID atLeast = all ? llvm::Intrinsic::maximum : llvm::Intrinsic::maximumnum;
            llvm::Intrinsic::ID atMost = all ? llvm::Intrinsic::minimum : llvm::Intrinsic::minimumnum;
            return builder_.CreateBinaryIntrinsic(atMost, builder_.CreateBinaryIntrinsic(atLeast, v[0], v[1]),
                                                  v[2]);
          })
          .Default([](mlir::Operation&) -> llvm::Value* { return nullptr; });
  return result ? formats_.narrow(result, type) : nullptr;
}

// Only what runs on vectors: constants from outside, and elementwise operations.
bool Emitter::takesVectors(mlir::Region& region) {
  if (!region.hasOneBlock()) return false;
  return llvm::all_of(region.front(), [](mlir::Operation& op) {
    llvm::StringRef dialect = op.getName().getDialectNamespace();
    if (op.hasTrait<mlir::OpTrait::IsTerminator>() || dialect == "arith" || dialect == "math") return true;
    return mlir::isa<tt::BitcastOp, tt::FpToFpOp, tt::ClampFOp, tt::MulhiUIOp, tt::PreciseSqrtOp,
                     tt::PreciseDivFOp, tt::ExternElementwiseOp>(op);
  });
}

Emitter::Values Emitter::applyRegion(mlir::Region& region, llvm::ArrayRef<llvm::Value*> arguments) {
  mlir::Block& block = region.front();
  unsigned width = widthOf(arguments[0]);
  Values results;
  if (width == 1) { // scalars: any operation will do
    for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
      scalars_[argument] = value;
    if (region.hasOneBlock()) {
      for (mlir::Operation& op : block.without_terminator())
        emitOperation(op);
      for (mlir::Value value : block.getTerminator()->getOperands())
        results.push_back(scalar(value));
      return results;
    }
    auto* after = llvm::BasicBlock::Create(context_, "after", function_);
    llvm::SmallVector<llvm::PHINode*, 4> phis;
    {
      llvm::IRBuilderBase::InsertPointGuard guard(builder_);
      builder_.SetInsertPoint(after);
      mlir::Operation* end = region.back().getTerminator();
      for (mlir::Type type : end->getOperandTypes())
        phis.push_back(builder_.CreatePHI(typeOf(type), 2));
    }
    emitRegion(region, [&](mlir::Operation& end) {
      for (auto [phi, value] : llvm::zip(phis, end.getOperands()))
        phi->addIncoming(scalar(value), builder_.GetInsertBlock());
      builder_.CreateBr(after);
    });
    builder_.SetInsertPoint(after);
    results.append(phis.begin(), phis.end());
    return results;
  }
  llvm::DenseMap<mlir::Value, llvm::Value*> local;
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    local[argument] = value;
  auto valueOf = [&](mlir::Value value) {
    auto found = local.find(value);
    return found != local.end() ? found->second : splat(builder_, scalar(value), width);
  };
  for (mlir::Operation& op : block.without_terminator()) {
    if (mlir::isa<arith::ConstantOp>(op)) continue;
    Values operands;
    for (mlir::Value operand : op.getOperands())
      operands.push_back(valueOf(operand));
    local[op.getResult(0)] = apply(op, operands)[0];
  }
  for (mlir::Value value : block.getTerminator()->getOperands())
    results.push_back(valueOf(value));
  return results;
}

} // namespace tuned::cpu
