// math and tt's exact variants, with Triton's choices: approximations where it takes them. Operations that
// Tile IR has not are in math_functions.h, or computed in f64 where they are rare.
#include "backend/tileir/emit/math/math.h"

#include "backend/tileir/emit/math/math_functions.h"

namespace tuned::tileir {
namespace {

using Arguments = std::span<const Value>;
using Function = Value (*)(Tiles&, Arguments);

template <Opcode opcode> Value direct(Tiles& t, Arguments x) {
  return t.code.op(opcode, x[0].type, {}, x);
}
template <Value (*f)(Tiles&, Value)> Value by(Tiles& t, Arguments x) {
  return f(t, x[0]);
}
/// A rare function of f32, in f64.
template <Function f> Value inDouble(Tiles& t, Arguments x) {
  Values wide;
  for (Value argument : x)
    wide.push_back(t.toFloat(argument, t.types.withElement(argument.type, Scalar::F64)));
  return t.toFloat(f(t, wide), x[0].type);
}

Value tanh(Tiles& t, Arguments x) {
  return t.code.op(Opcode::Tanh, x[0].type, {static_cast<uint8_t>(Rounding::Full)}, x);
}
/// Triton's, from the device library, flushes denormals.
Value exp2(Tiles& t, Arguments x) {
  return t.exp2(x[0], t.scalarOf(x[0]) == Scalar::F32);
}
Value expFull(Tiles& t, Arguments x) {
  return t.code.op(Opcode::Exp, x[0].type, {static_cast<uint8_t>(Rounding::Full)}, x);
}
Value sqrtExact(Tiles& t, Arguments x) {
  return t.sqrt(x[0]);
}
Value sqrtFast(Tiles& t, Arguments x) {
  return t.sqrt(x[0], Rounding::Approximate, true);
}
Value rsqrt(Tiles& t, Arguments x) {
  return t.rsqrt(x[0], t.scalarOf(x[0]) == Scalar::F32);
}
Value log10(Tiles& t, Arguments x) {
  constexpr double log10of2 = 0.30102999566398119521;
  return t.mulF(t.unary(Opcode::Log2, x[0]), t.real(x[0].type, log10of2));
}
Value atan(Tiles& t, Arguments x) {
  return t.plain(Opcode::Atan2, x[0], t.real(x[0].type, 1));
}
/// sqrt((1 - x)(1 + x))
Value cosine(Tiles& t, Value x) {
  Value one = t.real(x.type, 1);
  return t.sqrt(t.mulF(t.subF(one, x), t.addF(one, x)));
}
Value asin(Tiles& t, Arguments x) {
  return t.plain(Opcode::Atan2, x[0], cosine(t, x[0]));
}
Value acos(Tiles& t, Arguments x) {
  return t.plain(Opcode::Atan2, cosine(t, x[0]), x[0]);
}
/// The three inverses below are for f64 that came from f32: no overflow and no cancellation that f32 shows.
Value asinh(Tiles& t, Arguments x) {
  Value one = t.real(x[0].type, 1), size = t.absolute(x[0]), square = t.mulF(size, size);
  Value root = t.sqrt(t.addF(square, one));
  return copySign(t, logOnePlus(t, t.addF(size, t.divF(square, t.addF(one, root)))), x[0]);
}
Value acosh(Tiles& t, Arguments x) {
  Value square = t.mulF(x[0], x[0]);
  Value root = t.sqrt(t.subF(square, t.real(x[0].type, 1)));
  return t.unary(Opcode::Log, t.addF(x[0], root));
}
Value atanh(Tiles& t, Arguments x) {
  Value one = t.real(x[0].type, 1);
  Value ratio = t.divF(t.mulF(x[0], t.real(x[0].type, 2)), t.subF(one, x[0]));
  return t.mulF(logOnePlus(t, ratio), t.real(x[0].type, 0.5));
}
Value cbrt(Tiles& t, Arguments x) {
  Value size = t.absolute(x[0]);
  Value root = t.plain(Opcode::Pow, size, t.real(x[0].type, 1.0 / 3.0));
  return copySign(t, root, x[0]);
}
Value maximum(Tiles& t, Arguments x) {
  return t.max(x[0], x[1]);
}
Value minimum(Tiles& t, Arguments x) {
  return t.min(x[0], x[1]);
}
Value copySignOf(Tiles& t, Arguments x) {
  return copySign(t, x[0], x[1]);
}
Value fused(Tiles& t, Arguments x) {
  return t.fma(x[0], x[1], x[2]);
}

const llvm::StringMap<MathFunction>& functions() {
  using O = Opcode;
  static const llvm::StringMap<MathFunction> table = {
      {"exp", {by<exponential>, expFull}},
      {"exp2", {exp2, exp2}},
      {"log", {direct<O::Log>, direct<O::Log>}},
      {"log2", {direct<O::Log2>, direct<O::Log2>}},
      {"log10", {log10, log10}},
      {"log1p", {by<logOnePlus>, by<logOnePlus>}},
      {"expm1", {by<expMinusOne>, by<expMinusOne>}},
      {"sin", {direct<O::Sin>, direct<O::Sin>}},
      {"cos", {direct<O::Cos>, direct<O::Cos>}},
      {"tan", {direct<O::Tan>, direct<O::Tan>}},
      {"sinh", {direct<O::Sinh>, direct<O::Sinh>}},
      {"cosh", {direct<O::Cosh>, direct<O::Cosh>}},
      {"tanh", {tanh, tanh}},
      {"asin", {inDouble<asin>, asin}},
      {"acos", {inDouble<acos>, acos}},
      {"atan", {atan, atan}},
      {"atan2", {direct<O::Atan2>, direct<O::Atan2>, 2}},
      {"asinh", {inDouble<asinh>}},
      {"acosh", {inDouble<acosh>}},
      {"atanh", {inDouble<atanh>}},
      {"cbrt", {inDouble<cbrt>}},
      {"erf", {by<errorFunction>}},
      {"pow", {direct<O::Pow>, direct<O::Pow>, 2}},
      {"sqrt", {sqrtExact, sqrtExact}},
      {"rsqrt", {rsqrt, rsqrt}},
      {"floor", {direct<O::Floor>, direct<O::Floor>}},
      {"ceil", {direct<O::Ceil>, direct<O::Ceil>}},
      {"trunc", {by<truncated>, by<truncated>}},
      {"round", {by<roundedAway>, by<roundedAway>}},
      {"rint", {by<roundedEven>, by<roundedEven>}},
      {"nearbyint", {by<roundedEven>, by<roundedEven>}},
      {"fabs", {direct<O::AbsF>, direct<O::AbsF>}},
      {"fmax", {maximum, maximum, 2}},
      {"fmin", {minimum, minimum, 2}},
      {"fmod", {direct<O::RemF>, direct<O::RemF>, 2}},
      {"copysign", {copySignOf, copySignOf, 2}},
      {"fma", {fused, fused, 3}},
  };
  return table;
}

/// Calls a function on f32 or f64; 16 bits come and go as f32.
Result<void> call(Emitter& e, mlir::Operation& op, Function f32, Function f64) {
  Values arguments = e.flattened(op.getOperands());
  TypeId type = arguments.front().type;
  for (Value argument : arguments)
    if (argument.type != type || !isFloat(e.scalarOf(argument)))
      return unsupported(op, "of other than floats of one type");
  Scalar scalar = e.scalarOf(arguments.front());
  if (bitsOf(scalar) == 8) return unsupported(op, "of 8-bit floats");
  Function function = scalar == Scalar::F64 ? f64 : f32;
  if (!function) return unsupported(op, "of f64");
  if (bitsOf(scalar) == 16)
    for (Value& argument : arguments)
      argument = e.toFloat(argument, e.types.withElement(type, Scalar::F32));
  e.set(op.getResult(0), e.toFloat(function(e, arguments), type));
  return {};
}

template <Function f32, Function f64> Result<void> apply(Emitter& e, mlir::Operation& op) {
  return call(e, op, f32, f64);
}

/// "math.erf" by its name.
Result<void> named(Emitter& e, mlir::Operation& op) {
  const MathFunction* function = mathFunction(op.getName().stripDialect());
  return call(e, op, function->f32, function->f64);
}

Result<void> absolute(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0));
  if (bitsOf(e.scalarOf(x)) == 8) {
    Value bytes = e.bitcast(x, Scalar::I8);
    e.set(op.getResult(0), e.bitcast(e.both(bytes, e.bits(bytes.type, 0x7f)), x.type));
    return {};
  }
  e.set(op.getResult(0), e.absolute(x));
  return {};
}

/// fma of 16 bits as it is.
Result<void> fuse(Emitter& e, mlir::Operation& op) {
  Values x = e.flattened(op.getOperands());
  if (bitsOf(e.scalarOf(x[0])) == 8) return unsupported(op, "of 8-bit floats");
  e.set(op.getResult(0), e.fma(x[0], x[1], x[2]));
  return {};
}

Result<void> withSign(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), copySign(e, e.of(op.getOperand(0)), e.of(op.getOperand(1))));
  return {};
}

/// The least number has no absolute value: it stays, as two's complement has it.
Result<void> absoluteInteger(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0));
  if (e.scalarOf(x) == Scalar::I1) return unsupported(op, "of single bits");
  Value zero = e.integer(x.type, 0);
  Value negative = e.compare(Predicate::Less, x, zero, Sign::Signed);
  e.set(op.getResult(0), e.select(negative, e.sub(zero, x), x));
  return {};
}

template <Value (*f)(Tiles&, Value)> Result<void> count(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0));
  if (e.scalarOf(x) == Scalar::I1) return unsupported(op, "of single bits");
  e.set(op.getResult(0), f(e, x));
  return {};
}

/// A function of NVIDIA's device library that has a counterpart: "__nv_erff" is erf of f32.
Result<void> library(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::ExternElementwiseOp>(operation);
  llvm::StringRef name = op.getSymbol();
  std::string refused = "no function " + name.str();
  if (!name.consume_front("__nv_") || op.getSrcs().empty()) return unsupported(operation, refused);
  bool single = tt::elementType(op.getSrcs().front().getType()).isF32();
  const MathFunction* function = mathFunction(name);
  if (single) function = name.consume_back("f") ? mathFunction(name) : nullptr;
  if (!function || function->arguments != op.getSrcs().size() ||
      op.getResult().getType() != op.getSrcs()[0].getType())
    return unsupported(operation, refused);
  // The library's own exp and exp2 are exact to 2 ulp.
  Function f32 = name == "exp" ? Function(expFull) : function->f32;
  return call(e, operation, f32, function->f64);
}

} // namespace

const MathFunction* mathFunction(llvm::StringRef name) {
  auto row = functions().find(name);
  return row == functions().end() ? nullptr : &row->second;
}

void addMath(OpTable& table) {
  for (const char* name : {"exp",   "exp2",  "log",  "log2", "log10", "log1p", "expm1", "sin",   "cos",
                           "tan",   "sinh",  "cosh", "tanh", "asin",  "acos",  "atan",  "atan2", "asinh",
                           "acosh", "atanh", "cbrt", "erf",  "rsqrt", "floor", "ceil",  "trunc", "round"})
    table[std::string("math.") + name] = named;
  table["math.powf"] = apply<direct<Opcode::Pow>, direct<Opcode::Pow>>;
  table["math.sqrt"] = apply<sqrtFast, sqrtExact>;
  table["tt.precise_sqrt"] = apply<sqrtExact, sqrtExact>;
  table["math.roundeven"] = apply<by<roundedEven>, by<roundedEven>>;
  table["math.absf"] = absolute;
  table["math.fma"] = fuse;
  table["math.copysign"] = withSign;
  table["math.absi"] = absoluteInteger;
  table["math.ctpop"] = count<populationCount>;
  table["math.ctlz"] = count<leadingZeros>;
  table["math.cttz"] = count<trailingZeros>;
  table["tt.extern_elementwise"] = library;
}

} // namespace tuned::tileir
