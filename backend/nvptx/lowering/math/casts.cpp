// Conversions between number types: fp_to_fp, extf, truncf, integers to floats and back, bitcast.
#include "backend/nvptx/lowering/math/float_conversion.h"

namespace tuned::nvptx {
namespace {

Result<void> convertFloats(Emitter& e, mlir::Operation& op, Rounding rounding) {
  mlir::Value from = op.getOperand(0), to = op.getResult(0);
  Registers registers = convertFloat(e, e.of(from), from.getType(), to.getType(), rounding);
  if (registers.empty()) return unsupported(op, "no conversion between these types");
  e.set(to, std::move(registers));
  return {};
}

Result<void> floatToFloat(Emitter& e, mlir::Operation& op) {
  auto rounding = mlir::cast<tt::FpToFpOp>(op).getRounding();
  return convertFloats(e, op,
                       rounding == tt::RoundingMode::RTZ ? Rounding::TowardZero : Rounding::NearestEven);
}

Result<void> extendOrTruncate(Emitter& e, mlir::Operation& op) {
  return convertFloats(e, op, Rounding::NearestEven);
}

/// A 64-bit integer that a double holds exactly and that rounds to 24 bits or fewer as `value` does: beyond
/// 53 bits, the last eleven become one that says whether any was set.
llvm::Value* fitDouble(Emitter& e, llvm::Value* value, bool isSigned) {
  auto& b = e.builder;
  constexpr uint64_t spare = 11;
  llvm::Value* upper = isSigned ? b.CreateAShr(value, spare) : b.CreateLShr(value, spare);
  llvm::Value* inexact = b.CreateICmpNE(b.CreateAnd(value, (uint64_t{1} << spare) - 1), b.getInt64(0));
  llvm::Value* cut = b.CreateShl(b.CreateOr(upper, b.CreateZExt(inexact, b.getInt64Ty())), spare);
  llvm::Value* magnitude =
      isSigned ? b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, value, b.getFalse()) : value;
  return b.CreateSelect(b.CreateICmpULT(magnitude, b.getInt64(uint64_t{1} << 53)), value, cut);
}

Result<void> integerToFloat(Emitter& e, mlir::Operation& op) {
  llvm::Type* to = e.type(op.getResult(0).getType());
  bool isSigned = mlir::isa<mlir::arith::SIToFPOp>(op);
  // Before sm_90 LLVM goes to bfloat by way of float, which rounds twice; by way of double it does not.
  bool twice = to->isBFloatTy() && e.target.capability < 90;
  return e.elementwise(op, [&](llvm::ArrayRef<llvm::Value*> operands) -> llvm::Value* {
    llvm::Value* value = operands[0];
    // LLVM 22's NVPTX takes a signed i1 for 1 on its way to bfloat.
    if (value->getType()->isIntegerTy(1))
      value = e.builder.CreateIntCast(value, e.builder.getInt32Ty(), isSigned);
    if (twice && value->getType()->getIntegerBitWidth() > 24) {
      if (value->getType()->isIntegerTy(64)) value = fitDouble(e, value, isSigned);
      llvm::Type* f64 = e.builder.getDoubleTy();
      value = isSigned ? e.builder.CreateSIToFP(value, f64) : e.builder.CreateUIToFP(value, f64);
      return e.builder.CreateFPTrunc(value, to);
    }
    return isSigned ? e.builder.CreateSIToFP(value, to) : e.builder.CreateUIToFP(value, to);
  });
}

Result<void> floatToInteger(Emitter& e, mlir::Operation& op) {
  llvm::Type* to = e.type(op.getResult(0).getType());
  bool isSigned = mlir::isa<mlir::arith::FPToSIOp>(op);
  return e.elementwise(op, [&](llvm::ArrayRef<llvm::Value*> operands) {
    return isSigned ? e.builder.CreateFPToSI(operands[0], to) : e.builder.CreateFPToUI(operands[0], to);
  });
}

/// The same bits under another type; pointers stay pointers.
Result<void> bitcast(Emitter& e, mlir::Operation& op) {
  llvm::Type* to = e.type(op.getResult(0).getType());
  return e.elementwise(op, [&](llvm::ArrayRef<llvm::Value*> operands) -> llvm::Value* {
    llvm::Value* value = operands[0];
    if (value->getType() == to) return value;
    if (value->getType()->isPointerTy()) return e.builder.CreatePtrToInt(value, to);
    if (to->isPointerTy()) return e.builder.CreateIntToPtr(value, to);
    return e.builder.CreateBitCast(value, to);
  });
}

} // namespace

void addConversions(OpTable& table) {
  table["tt.fp_to_fp"] = {floatToFloat};
  table["arith.extf"] = table["arith.truncf"] = {extendOrTruncate};
  table["arith.sitofp"] = table["arith.uitofp"] = {integerToFloat};
  table["arith.fptosi"] = table["arith.fptoui"] = {floatToInteger};
  table["tt.bitcast"] = table["arith.bitcast"] = {bitcast};
}

} // namespace tuned::nvptx
