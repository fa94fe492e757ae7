// Integer quotients and remainders. Tile IR leaves x / 0 and the least number / -1 undefined even in lanes that
// nothing reads: the divisor is made 1 there. They give what NVIDIA's code gives: all ones and the dividend, and
// the least number and 0.
#include "backend/tileir/emit/emitter.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tileir {
namespace {

struct Divisor {
  Value safe;
  Value isZero; ///< none: it is known not to be
};

Divisor guarded(Emitter& e, mlir::Value divisor, Value x, bool isSigned) {
  Value y = e.of(divisor);
  const tt::AxisInfo& info = e.facts.of(divisor);
  bool known = info.constant && *info.constant != 0 && (!isSigned || *info.constant != -1);
  if (known || (isSigned && info.lower && *info.lower > 0)) return {y, {}};
  Value one = e.integer(y.type, 1);
  Value isZero = e.compare(Predicate::Equal, y, e.integer(y.type, 0));
  Value unsafe = isZero;
  if (isSigned) {
    uint64_t least = uint64_t(1) << (bitsOf(e.scalarOf(y)) - 1);
    Value minusOne = e.compare(Predicate::Equal, y, e.bits(y.type, ~uint64_t(0)));
    Value isLeast = e.compare(Predicate::Equal, x, e.bits(y.type, least));
    unsafe = e.either(unsafe, e.both(minusOne, isLeast));
  }
  return {e.select(unsafe, one, y), isZero};
}

template <bool isSigned, DivRounding rounding> Result<void> quotient(Emitter& e, mlir::Operation& op) {
  constexpr Sign sign = isSigned ? Sign::Signed : Sign::Unsigned;
  Value x = e.of(op.getOperand(0));
  if (e.scalarOf(x) == Scalar::I1) return unsupported(op, "of single bits");
  Divisor divisor = guarded(e, op.getOperand(1), x, isSigned);
  Value result = e.divide(x, divisor.safe, sign, rounding);
  if (divisor.isZero) result = e.select(divisor.isZero, e.bits(x.type, ~uint64_t(0)), result);
  e.set(op.getResult(0), result);
  return {};
}

/// With the sign of the dividend.
template <bool isSigned> Result<void> remainder(Emitter& e, mlir::Operation& op) {
  constexpr Sign sign = isSigned ? Sign::Signed : Sign::Unsigned;
  Value x = e.of(op.getOperand(0));
  if (e.scalarOf(x) == Scalar::I1) return unsupported(op, "of single bits");
  Divisor divisor = guarded(e, op.getOperand(1), x, isSigned);
  Value result = e.signedOp(Opcode::RemI, x, divisor.safe, sign);
  if (divisor.isZero) result = e.select(divisor.isZero, x, result);
  e.set(op.getResult(0), result);
  return {};
}

} // namespace

void addDivisions(OpTable& table) {
  table["arith.divsi"] = quotient<true, DivRounding::Zero>;
  table["arith.divui"] = quotient<false, DivRounding::Zero>;
  table["arith.floordivsi"] = quotient<true, DivRounding::Floor>;
  table["arith.ceildivsi"] = quotient<true, DivRounding::Ceil>;
  table["arith.ceildivui"] = quotient<false, DivRounding::Ceil>;
  table["arith.remsi"] = remainder<true>;
  table["arith.remui"] = remainder<false>;
}

} // namespace tuned::tileir
