// The math dialect and libdevice: f32 by polynomials on vectors, what is left by libm lane by lane.
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/math/polynomials.h"
#include "backend/runtime/cpu/symbols.h"

#include <llvm/ADT/StringSwitch.h>
#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Math/IR/Math.h>

namespace tuned::cpu {
namespace {

// Functions that the processor has as instructions.
llvm::Intrinsic::ID nativeFunction(llvm::StringRef name) {
  return llvm::StringSwitch<llvm::Intrinsic::ID>(name)
      .Case("sqrt", llvm::Intrinsic::sqrt)
      .Cases({"abs", "fabs", "absf"}, llvm::Intrinsic::fabs)
      .Case("floor", llvm::Intrinsic::floor)
      .Case("ceil", llvm::Intrinsic::ceil)
      .Case("trunc", llvm::Intrinsic::trunc)
      .Cases({"rint", "nearbyint", "roundeven"}, llvm::Intrinsic::rint)
      .Default(llvm::Intrinsic::not_intrinsic);
}

// Names of libdevice that libm has under another name.
llvm::StringRef libmName(llvm::StringRef name) {
  return llvm::StringSwitch<llvm::StringRef>(name)
      .Case("cyl_bessel_i0", "tuned_bessel_i0")
      .Case("cyl_bessel_i1", "tuned_bessel_i1")
      .Case("erfinv", "tuned_inverse_erf")
      .Case("normcdf", "tuned_normal_cdf")
      .Case("normcdfinv", "tuned_inverse_normal_cdf")
      .Case("drem", "remainder")
      .Default(name);
}

} // namespace

llvm::Value* Emitter::callPerLane(llvm::StringRef symbol, llvm::Type* result,
                                  llvm::ArrayRef<llvm::Value*> operands) {
  llvm::SmallVector<llvm::Type*, 3> types;
  for (llvm::Value* operand : operands)
    types.push_back(operand->getType()->getScalarType());
  llvm::FunctionCallee callee = runtime(symbol, result, types);
  if (auto* function = llvm::dyn_cast<llvm::Function>(callee.getCallee())) function->setDoesNotAccessMemory();
  Values lanes;
  for (unsigned l = 0; l < widthOf(operands[0]); ++l) {
    Values arguments;
    for (llvm::Value* operand : operands)
      arguments.push_back(lane(builder_, operand, l));
    lanes.push_back(builder_.CreateCall(callee, arguments));
  }
  return gatherLanes(builder_, lanes);
}

// By polynomials, unless an argument is too large for their reduction: then all of these lanes by libm.
llvm::Value* Emitter::sineOrCosine(llvm::StringRef name, llvm::Value* operand) {
  llvm::Value* magnitude = builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, operand);
  llvm::Value* far = builder_.CreateFCmpOGT(
      magnitude, llvm::ConstantFP::get(operand->getType(), Polynomials::kLargestAngle));
  if (far->getType()->isVectorTy()) far = builder_.CreateOrReduce(far);
  llvm::BasicBlock *reduced = newBlock("angle"), *exact = newBlock("large.angle"), *after = newBlock("after");
  builder_.CreateCondBr(far, exact, reduced);
  builder_.SetInsertPoint(exact);
  llvm::Value* byLane = callPerLane((name + "f").str(), operand->getType()->getScalarType(), {operand});
  builder_.CreateBr(after);
  builder_.SetInsertPoint(reduced);
  Polynomials polynomials(builder_);
  llvm::Value* fast = name == "sin" ? polynomials.sin(operand) : polynomials.cos(operand);
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
  auto* result = builder_.CreatePHI(operand->getType(), 2);
  result->addIncoming(byLane, exact);
  result->addIncoming(fast, reduced);
  return result;
}

// `operand` is f32 or f64. Null: no such function.
llvm::Value* Emitter::mathFunction(llvm::StringRef name, llvm::Value* operand) {
  if (auto native = nativeFunction(name)) return builder_.CreateUnaryIntrinsic(native, operand);
  llvm::Constant* one = llvm::ConstantFP::get(operand->getType(), 1);
  if (name == "rsqrt")
    return builder_.CreateFDiv(one, builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, operand));
  llvm::Type* type = operand->getType()->getScalarType();
  if (type->isFloatTy()) {
    if (name == "sin" || name == "cos") return sineOrCosine(name, operand);
    Polynomials polynomials(builder_);
    using Function = llvm::Value* (Polynomials::*)(llvm::Value*);
    Function function = llvm::StringSwitch<Function>(name)
                            .Case("exp", &Polynomials::exp)
                            .Case("exp2", &Polynomials::exp2)
                            .Case("log", &Polynomials::log)
                            .Case("log2", &Polynomials::log2)
                            .Case("tanh", &Polynomials::tanh)
                            .Case("erf", &Polynomials::erf)
                            .Default(nullptr);
    if (function) return (polynomials.*function)(operand);
  }
  std::string symbol = libmName(name).str();
  bool ours = symbol.starts_with("tuned_");
  if (!runtimeSymbols().count(symbol)) return nullptr;
  if (!type->isFloatTy()) return callPerLane(symbol, type, {operand});
  if (!ours) return callPerLane(symbol + "f", type, {operand});
  llvm::Type* wide = vectorOf(builder_.getDoubleTy(), widthOf(operand));
  llvm::Value* result = callPerLane(symbol, builder_.getDoubleTy(), {builder_.CreateFPExt(operand, wide)});
  return builder_.CreateFPTrunc(result, operand->getType());
}

llvm::Value* Emitter::applyMath(mlir::Operation& op, llvm::ArrayRef<llvm::Value*> operands) {
  mlir::Type type = tt::elementType(op.getResult(0).getType());
  if (!mlir::isa<mlir::FloatType>(type)) return nullptr;
  if (mlir::isa<mlir::math::AbsFOp>(op) && type.getIntOrFloatBitWidth() < 32) { // clears the sign of NaN too
    uint64_t rest = (uint64_t(1) << (type.getIntOrFloatBitWidth() - 1)) - 1;
    return builder_.CreateAnd(operands[0], llvm::ConstantInt::get(operands[0]->getType(), rest));
  }
  Values v;
  for (llvm::Value* operand : operands)
    v.push_back(formats_.widen(operand, type));
  llvm::StringRef name = op.getName().stripDialect();
  llvm::Value* result = nullptr;
  if (mlir::isa<mlir::math::FmaOp>(op))
    result = builder_.CreateIntrinsic(llvm::Intrinsic::fma, {v[0]->getType()}, v);
  else if (v.size() == 1)
    result = mathFunction(name, v[0]);
  else if (v.size() == 2 && mlir::isa<mlir::math::PowFOp, mlir::math::Atan2Op, mlir::math::CopySignOp>(op)) {
    std::string symbol = name == "powf" ? "pow" : name.str();
    bool isFloat = v[0]->getType()->getScalarType()->isFloatTy();
    result = callPerLane(symbol + (isFloat ? "f" : ""), v[0]->getType()->getScalarType(), v);
  }
  return result ? formats_.narrow(result, type) : nullptr;
}

llvm::Value* Emitter::applyExtern(tt::ExternElementwiseOp op, llvm::ArrayRef<llvm::Value*> operands) {
  llvm::StringRef symbol = op.getSymbol();
  mlir::Type type = tt::elementType(op.getResult().getType());
  llvm::Value* result = nullptr;
  if (symbol.consume_front("__nv_") && (type.isF32() || type.isF64())) {
    std::string name = symbol.str();
    // __nv_sinf is sin of f32; __nv_erf of f64 has no suffix although it ends in f
    if (type.isF32() && name.ends_with("f")) name.pop_back();
    if (name.starts_with("fast_")) name = name.substr(5);
    llvm::Type* scalarType = operands[0]->getType()->getScalarType();
    bool floats = scalarType->isFloatTy() || scalarType->isDoubleTy();
    auto intrinsic2 = llvm::StringSwitch<llvm::Intrinsic::ID>(name)
                          .Case("fmax", llvm::Intrinsic::maximumnum)
                          .Case("fmin", llvm::Intrinsic::minimumnum)
                          .Case("copysign", llvm::Intrinsic::copysign)
                          .Default(llvm::Intrinsic::not_intrinsic);
    if (floats && operands.size() == 1)
      result = mathFunction(name, operands[0]);
    else if (floats && operands.size() == 2 && intrinsic2)
      result = builder_.CreateBinaryIntrinsic(intrinsic2, operands[0], operands[1]);
    else if (floats && operands.size() == 2 && runtimeSymbols().count(libmName(name).str()))
      result = callPerLane(libmName(name).str() + (type.isF32() ? "f" : ""), scalarType, operands);
    else if (floats && operands.size() == 3 && (name == "fma" || name == "fmaf"))
      result = builder_.CreateIntrinsic(llvm::Intrinsic::fma, {operands[0]->getType()}, operands);
  }
  if (!result && runtimeSymbols().count(op.getSymbol().str()))
    result = callPerLane(op.getSymbol(), typeOf(type), operands);
  if (result) return result;
  unsupported(*op.getOperation(), "the CPU has no function for " + op.getSymbol().str());
  return llvm::PoisonValue::get(vectorOf(typeOf(type), operands.empty() ? 1 : widthOf(operands[0])));
}

} // namespace tuned::cpu
