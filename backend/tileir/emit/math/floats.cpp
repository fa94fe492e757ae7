// arith on floats, with Triton's choices: a product and its sum become one operation where that is allowed,
// quotients of f32 are within 2 ulp.
#include "backend/tileir/emit/emitter.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tileir {
namespace {

namespace arith = mlir::arith;

bool isEightBits(Emitter& e, Value x) {
  return bitsOf(e.scalarOf(x)) == 8;
}

/// The operands of a product that is used once and may be fused.
std::optional<std::pair<Value, Value>> product(Emitter& e, mlir::Value value, mlir::Operation& user) {
  auto op = value.getDefiningOp<arith::MulFOp>();
  if (!e.options.fuseMultiplyAdd || !op || !value.hasOneUse() || op->getBlock() != user.getBlock())
    return std::nullopt;
  return std::pair(e.of(op.getLhs()), e.of(op.getRhs()));
}

Result<void> add(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  Value sum;
  if (auto factors = product(e, op.getOperand(0), op))
    sum = e.fma(factors->first, factors->second, y);
  else if (auto others = product(e, op.getOperand(1), op))
    sum = e.fma(others->first, others->second, x);
  else
    sum = e.addF(x, y);
  e.set(op.getResult(0), sum);
  return {};
}

Result<void> subtract(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  Value difference;
  if (auto factors = product(e, op.getOperand(0), op))
    difference = e.fma(factors->first, factors->second, e.negate(y));
  else if (auto others = product(e, op.getOperand(1), op))
    difference = e.fma(e.negate(others->first), others->second, x);
  else
    difference = e.subF(x, y);
  e.set(op.getResult(0), difference);
  return {};
}

Result<void> multiply(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  e.set(op.getResult(0), e.mulF(x, e.of(op.getOperand(1))));
  return {};
}

/// f(operands) in f32 for 16-bit types.
template <typename F> Value throughFloat(Emitter& e, Value x, Value y, F f) {
  if (bitsOf(e.scalarOf(x)) != 16) return f(x, y);
  TypeId wide = e.types.withElement(x.type, Scalar::F32);
  return e.toFloat(f(e.toFloat(x, wide), e.toFloat(y, wide)), x.type);
}

Result<void> divide(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  auto quotient = [&](Value a, Value b) {
    return e.divF(a, b, e.scalarOf(a) == Scalar::F64 ? Rounding::Nearest : Rounding::Full);
  };
  e.set(op.getResult(0), throughFloat(e, x, y, quotient));
  return {};
}

Result<void> divideExactly(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  e.set(op.getResult(0), throughFloat(e, x, y, [&](Value a, Value b) { return e.divF(a, b); }));
  return {};
}

Result<void> remainder(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  e.set(op.getResult(0),
        throughFloat(e, x, y, [&](Value a, Value b) { return e.plain(Opcode::RemF, a, b); }));
  return {};
}

Result<void> negate(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0));
  if (isEightBits(e, x)) {
    Value bytes = e.bitcast(x, Scalar::I8);
    e.set(op.getResult(0), e.bitcast(e.exclusive(bytes, e.bits(bytes.type, 0x80)), x.type));
    return {};
  }
  e.set(op.getResult(0), e.negate(x));
  return {};
}

template <Opcode opcode, bool propagateNan> Result<void> extreme(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  e.set(op.getResult(0), opcode == Opcode::MaxF ? e.max(x, y, propagateNan) : e.min(x, y, propagateNan));
  return {};
}

/// NaN in x: kept with propagateNan = all, else the lower bound.
Result<void> clamp(Emitter& e, mlir::Operation& op) {
  bool all = mlir::cast<tt::ClampFOp>(op).getPropagateNan() == tt::PropagateNan::ALL;
  Value x = e.of(op.getOperand(0)), low = e.of(op.getOperand(1)), high = e.of(op.getOperand(2));
  if (isEightBits(e, x)) return unsupported(op, "arithmetic on 8-bit floats");
  e.set(op.getResult(0), e.min(e.max(x, low, all), high, all));
  return {};
}

/// Both numbers, neither NaN.
Value ordered(Emitter& e, Value x, Value y) {
  return e.both(e.compareF(Predicate::Equal, x, x), e.compareF(Predicate::Equal, y, y));
}

Result<void> compareFloats(Emitter& e, mlir::Operation& op) {
  using P = arith::CmpFPredicate;
  P predicate = mlir::cast<arith::CmpFOp>(op).getPredicate();
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isEightBits(e, x)) {
    TypeId wide = e.types.withElement(x.type, Scalar::F16);
    x = e.toFloat(x, wide);
    y = e.toFloat(y, wide);
  }
  Value result;
  switch (predicate) {
  case P::AlwaysFalse:
  case P::AlwaysTrue:
    result = e.bits(e.i1Like(x), predicate == P::AlwaysTrue ? 1 : 0);
    break;
  case P::ORD:
    result = ordered(e, x, y);
    break;
  case P::UNO:
    result = e.flip(ordered(e, x, y));
    break;
  default: {
    // oeq ogt oge olt ole one stand from 1 on, their unordered twins from 8 on.
    constexpr Predicate predicates[] = {Predicate::Equal, Predicate::Greater,   Predicate::GreaterEqual,
                                        Predicate::Less,  Predicate::LessEqual, Predicate::NotEqual};
    bool isOrdered = predicate < P::ORD;
    auto row = static_cast<unsigned>(predicate) - static_cast<unsigned>(isOrdered ? P::OEQ : P::UEQ);
    result = e.compareF(predicates[row], x, y, isOrdered);
  }
  }
  e.set(op.getResult(0), result);
  return {};
}

} // namespace

void addFloats(OpTable& table) {
  table["arith.addf"] = add;
  table["arith.subf"] = subtract;
  table["arith.mulf"] = multiply;
  table["arith.divf"] = divide;
  table["tt.precise_divf"] = divideExactly;
  table["arith.remf"] = remainder;
  table["arith.negf"] = negate;
  table["arith.maxnumf"] = extreme<Opcode::MaxF, false>;
  table["arith.minnumf"] = extreme<Opcode::MinF, false>;
  table["arith.maximumf"] = extreme<Opcode::MaxF, true>;
  table["arith.minimumf"] = extreme<Opcode::MinF, true>;
  table["arith.cmpf"] = compareFloats;
  table["tt.clampf"] = clamp;
}

} // namespace tuned::tileir
