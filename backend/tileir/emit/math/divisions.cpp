// Integer quotients and remainders. Tile IR leaves x / 0 and the least number / -1 undefined even in lanes
// that nothing reads: the divisor is made 1 there. They give what NVIDIA's code gives: all ones and the
// dividend, and the least number and 0.
#include "backend/tileir/emit/emitter.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tileir {
namespace {

/// A divisor that nothing divides by without an answer, and where it was changed.
struct Divisor {
  Value safe;
  Value isZero, isMinusOne; ///< in the divisor's shape; none: known never to be
};

/// Whether a divisor is known to be positive, or (unsigned) not zero.
bool isHarmless(Emitter& e, mlir::Value divisor, mlir::Operation* at, bool isSigned) {
  const tt::AxisInfo& info = e.facts.of(divisor);
  if (info.constant) return *info.constant > 0 || (!isSigned && *info.constant != 0);
  if (info.lower && *info.lower > 0) return true;
  auto facts = divisor.getType().isIntOrIndex() ? e.grid.of(divisor, at) : std::nullopt;
  return facts && facts->lower > 0;
}

/// A divisor that is a scalar everywhere is looked at once.
Divisor guarded(Emitter& e, mlir::Value divisor, mlir::Operation* at, bool isSigned) {
  const Shape shape = e.types.shape(e.of(divisor).type);
  while (auto splat = divisor.getDefiningOp<tt::SplatOp>())
    divisor = splat.getSrc();
  Value y = e.of(divisor);
  auto spread = [&](Value x) { return e.types.shape(x.type) == shape ? x : e.splat(x, shape); };
  if (isHarmless(e, divisor, at, isSigned)) return {spread(y), {}, {}};
  Value one = e.integer(y.type, 1);
  Value isZero = e.compare(Predicate::Equal, y, e.integer(y.type, 0)), unsafe = isZero;
  Divisor result{{}, spread(isZero), {}};
  if (isSigned) {
    Value isMinusOne = e.compare(Predicate::Equal, y, e.bits(y.type, ~uint64_t(0)));
    unsafe = e.either(unsafe, isMinusOne);
    result.isMinusOne = spread(isMinusOne);
  }
  result.safe = spread(e.select(unsafe, one, y));
  return result;
}

template <bool isSigned, DivRounding rounding> Result<void> quotient(Emitter& e, mlir::Operation& op) {
  constexpr Sign sign = isSigned ? Sign::Signed : Sign::Unsigned;
  Value x = e.of(op.getOperand(0));
  if (e.scalarOf(x) == Scalar::I1) return unsupported(op, "of single bits");
  Divisor divisor = guarded(e, op.getOperand(1), &op, isSigned);
  Value result = e.divide(x, divisor.safe, sign, rounding);
  if (divisor.isMinusOne) result = e.select(divisor.isMinusOne, e.sub(e.integer(x.type, 0), result), result);
  if (divisor.isZero) result = e.select(divisor.isZero, e.bits(x.type, ~uint64_t(0)), result);
  e.set(op.getResult(0), result);
  return {};
}

/// With the sign of the dividend.
template <bool isSigned> Result<void> remainder(Emitter& e, mlir::Operation& op) {
  constexpr Sign sign = isSigned ? Sign::Signed : Sign::Unsigned;
  Value x = e.of(op.getOperand(0));
  if (e.scalarOf(x) == Scalar::I1) return unsupported(op, "of single bits");
  Divisor divisor = guarded(e, op.getOperand(1), &op, isSigned);
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
