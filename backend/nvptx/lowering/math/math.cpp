// math and tt's exact variants, with Triton's choices: approximations where it takes them, the device library
// elsewhere.
#include "backend/nvptx/lowering/emitter.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

namespace tuned::nvptx {
namespace {

using Operands = llvm::ArrayRef<llvm::Value*>;

/// f(registers) in f32 for types narrower than that.
template <typename F> Result<void> throughFloat(Emitter& e, mlir::Operation& op, F f) {
  auto& b = e.builder;
  llvm::Type* type = e.type(op.getResult(0).getType());
  bool narrow = type->isHalfTy() || type->isBFloatTy();
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    if (!narrow) return f(v);
    llvm::SmallVector<llvm::Value*> wide;
    for (llvm::Value* operand : v)
      wide.push_back(b.CreateFPExt(operand, b.getFloatTy()));
    return b.CreateFPTrunc(f(Operands(wide)), type);
  });
}

/// A device library function: `name` for f64, with an f behind for f32.
template <const char* const& name> Result<void> library(Emitter& e, mlir::Operation& op) {
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* {
    llvm::Type* type = v[0]->getType();
    return e.callLibrary(std::string(name) + (type->isFloatTy() ? "f" : ""), type, v);
  });
}

/// Triton's exp keeps denormals and its exp2, from the device library, does not.
llvm::Value* exp2Approximately(Emitter& e, llvm::Value* x, bool flush) {
  auto id = flush ? llvm::Intrinsic::nvvm_ex2_approx_ftz : llvm::Intrinsic::nvvm_ex2_approx;
  return e.builder.CreateIntrinsic(id, {e.builder.getFloatTy()}, {x});
}

Result<void> exp2(Emitter& e, mlir::Operation& op) {
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* {
    if (v[0]->getType()->isDoubleTy()) return e.callLibrary("__nv_exp2", v[0]->getType(), v);
    return exp2Approximately(e, v[0], true);
  });
}

/// ex2.approx(x · log2 e)
Result<void> exponential(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* {
    llvm::Type* type = v[0]->getType();
    if (type->isDoubleTy()) return e.callLibrary("__nv_exp", type, v);
    return exp2Approximately(e, b.CreateFMul(v[0], llvm::ConstantFP::get(type, 1.4426950408889634)), false);
  });
}

Result<void> sqrtApproximately(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* {
    if (v[0]->getType()->isDoubleTy()) return b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, v[0]);
    return b.CreateIntrinsic(b.getFloatTy(), llvm::Intrinsic::nvvm_sqrt_approx_ftz_f, {v[0]});
  });
}

Result<void> reciprocalSqrt(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* {
    if (v[0]->getType()->isDoubleTy()) return e.callLibrary("__nv_rsqrt", v[0]->getType(), v);
    return b.CreateIntrinsic(b.getFloatTy(), llvm::Intrinsic::nvvm_rsqrt_approx_ftz_f, {v[0]});
  });
}

Result<void> sqrtExactly(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* {
    bool f64 = v[0]->getType()->isDoubleTy();
    auto id = f64 ? llvm::Intrinsic::nvvm_sqrt_rn_d : llvm::Intrinsic::nvvm_sqrt_rn_f;
    return b.CreateIntrinsic(v[0]->getType(), id, {v[0]});
  });
}

Result<void> divideExactly(Emitter& e, mlir::Operation& op) {
  return throughFloat(e, op, [&](Operands v) -> llvm::Value* { return e.builder.CreateFDiv(v[0], v[1]); });
}

template <llvm::Intrinsic::ID id> Result<void> intrinsic(Emitter& e, mlir::Operation& op) {
  return throughFloat(
      e, op, [&](Operands v) -> llvm::Value* { return e.builder.CreateIntrinsic(id, {v[0]->getType()}, v); });
}

/// fma and fabs exist for narrow types themselves.
template <llvm::Intrinsic::ID id> Result<void> direct(Emitter& e, mlir::Operation& op) {
  return e.elementwise(
      op, [&](Operands v) -> llvm::Value* { return e.builder.CreateIntrinsic(id, {v[0]->getType()}, v); });
}

/// Without the sign bit; 8-bit floats are bytes here.
Result<void> absoluteFloat(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    if (v[0]->getType()->isIntegerTy(8)) return e.builder.CreateAnd(v[0], 0x7f);
    return e.builder.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v[0]);
  });
}

/// abs and counts of bits: whose second argument says that a case is undefined, which none is here.
template <llvm::Intrinsic::ID id> Result<void> total(Emitter& e, mlir::Operation& op) {
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    return e.builder.CreateBinaryIntrinsic(id, v[0], e.builder.getFalse());
  });
}

/// NaN in x: kept with propagateNan = all, else the lower bound, as min(max(x, lo), hi) gives.
Result<void> clamp(Emitter& e, mlir::Operation& op) {
  auto& b = e.builder;
  bool all = mlir::cast<tt::ClampFOp>(op).getPropagateNan() == tt::PropagateNan::ALL;
  auto low = all ? llvm::Intrinsic::maximum : llvm::Intrinsic::maxnum;
  auto high = all ? llvm::Intrinsic::minimum : llvm::Intrinsic::minnum;
  return e.elementwise(op, [&](Operands v) -> llvm::Value* {
    return b.CreateBinaryIntrinsic(high, b.CreateBinaryIntrinsic(low, v[0], v[1]), v[2]);
  });
}

constexpr const char *sinName = "__nv_sin", *cosName = "__nv_cos", *tanName = "__nv_tan",
                     *logName = "__nv_log", *log2Name = "__nv_log2", *log1pName = "__nv_log1p",
                     *log10Name = "__nv_log10", *expm1Name = "__nv_expm1", *erfName = "__nv_erf",
                     *erfcName = "__nv_erfc", *powName = "__nv_pow", *tanhName = "__nv_tanh",
                     *atanName = "__nv_atan", *atan2Name = "__nv_atan2", *cbrtName = "__nv_cbrt",
                     *floorName = "__nv_floor", *ceilName = "__nv_ceil", *asinName = "__nv_asin",
                     *acosName = "__nv_acos", *sinhName = "__nv_sinh", *coshName = "__nv_cosh",
                     *asinhName = "__nv_asinh", *acoshName = "__nv_acosh", *atanhName = "__nv_atanh";

} // namespace

void addMath(OpTable& table) {
  namespace In = llvm::Intrinsic;
  table["math.exp"] = {exponential};
  table["math.exp2"] = {exp2};
  table["math.sqrt"] = {sqrtApproximately};
  table["math.rsqrt"] = {reciprocalSqrt};
  table["math.fma"] = {direct<In::fma>};
  table["math.absf"] = {absoluteFloat};
  table["math.copysign"] = {direct<In::copysign>};
  table["math.absi"] = {total<In::abs>};
  table["math.ctpop"] = {direct<In::ctpop>};
  table["math.ctlz"] = {total<In::ctlz>};
  table["math.cttz"] = {total<In::cttz>};
  table["math.floor"] = {library<floorName>};
  table["math.ceil"] = {library<ceilName>};
  table["math.trunc"] = {intrinsic<In::trunc>};
  table["math.round"] = {intrinsic<In::round>};
  table["math.roundeven"] = {intrinsic<In::roundeven>};
  table["math.sin"] = {library<sinName>};
  table["math.cos"] = {library<cosName>};
  table["math.tan"] = {library<tanName>};
  table["math.log"] = {library<logName>};
  table["math.log2"] = {library<log2Name>};
  table["math.log1p"] = {library<log1pName>};
  table["math.log10"] = {library<log10Name>};
  table["math.expm1"] = {library<expm1Name>};
  table["math.erf"] = {library<erfName>};
  table["math.erfc"] = {library<erfcName>};
  table["math.powf"] = {library<powName>};
  table["math.tanh"] = {library<tanhName>};
  table["math.atan"] = {library<atanName>};
  table["math.atan2"] = {library<atan2Name>};
  table["math.asin"] = {library<asinName>};
  table["math.acos"] = {library<acosName>};
  table["math.sinh"] = {library<sinhName>};
  table["math.cosh"] = {library<coshName>};
  table["math.asinh"] = {library<asinhName>};
  table["math.acosh"] = {library<acoshName>};
  table["math.atanh"] = {library<atanhName>};
  table["math.cbrt"] = {library<cbrtName>};
  table["tt.precise_sqrt"] = {sqrtExactly};
  table["tt.precise_divf"] = {divideExactly};
  table["tt.clampf"] = {clamp};
}

} // namespace tuned::nvptx
