#include "backend/tileir/emit/math/math_functions.h"

#include <limits>

namespace tuned::tileir {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// c[0] + c[1] x + c[2] x² + …
Value polynomial(Tiles& t, Value x, std::span<const double> coefficients) {
  Value sum = t.real(x.type, coefficients.back());
  for (size_t i = coefficients.size() - 1; i-- > 0;)
    sum = t.fma(sum, x, t.real(x.type, coefficients[i]));
  return sum;
}

/// `yes` where x is plus infinity.
Value whereInfinite(Tiles& t, Value x, Value yes, Value no) {
  return t.select(t.compareF(Predicate::Equal, x, t.real(x.type, infinity)), yes, no);
}

Value exact(Tiles& t, Value x) {
  return t.code.op(Opcode::Exp, x.type, {static_cast<uint8_t>(Rounding::Full)}, {x});
}

} // namespace

Value exponential(Tiles& t, Value x) {
  if (t.scalarOf(x) == Scalar::F64) return exact(t, x);
  constexpr double log2e = 1.4426950408889634;
  return t.exp2(t.mulF(x, t.real(x.type, log2e)));
}

Value truncated(Tiles& t, Value x) {
  Value negative = t.compareF(Predicate::Less, x, t.real(x.type, 0));
  return t.select(negative, t.unary(Opcode::Ceil, x), t.unary(Opcode::Floor, x));
}

Value copySign(Tiles& t, Value magnitude, Value sign) {
  Scalar scalar = t.scalarOf(magnitude);
  TypeId bits = t.types.withElement(magnitude.type, integerOf(scalar));
  uint64_t top = uint64_t(1) << (bitsOf(scalar) - 1);
  Value low = t.both(t.bitcast(magnitude, bits), t.bits(bits, top - 1));
  Value high = t.both(t.bitcast(sign, bits), t.bits(bits, top));
  return t.bitcast(t.either(low, high), magnitude.type);
}

Value roundedAway(Tiles& t, Value x) {
  Value size = t.absolute(x), whole = t.unary(Opcode::Floor, size);
  Value up = t.compareF(Predicate::GreaterEqual, t.subF(size, whole), t.real(x.type, 0.5));
  return copySign(t, t.select(up, t.addF(whole, t.real(x.type, 1)), whole), x);
}

Value roundedEven(Tiles& t, Value x) {
  Value half = t.real(x.type, 0.5), size = t.absolute(x), whole = t.unary(Opcode::Floor, size);
  Value rest = t.subF(size, whole), halved = t.mulF(whole, half);
  Value odd = t.compareF(Predicate::NotEqual, t.unary(Opcode::Floor, halved), halved);
  Value up = t.either(t.compareF(Predicate::Greater, rest, half),
                      t.both(t.compareF(Predicate::Equal, rest, half), odd));
  return copySign(t, t.select(up, t.addF(whole, t.real(x.type, 1)), whole), x);
}

/// Sums of neighbouring bits, pairs, nibbles; a product adds up the bytes.
Value populationCount(Tiles& t, Value x) {
  TypeId type = x.type;
  Scalar scalar = t.scalarOf(x);
  if (bitsOf(scalar) < 32) {
    TypeId wide = t.types.withElement(type, Scalar::I32);
    return t.truncate(populationCount(t, t.extend(x, wide, Sign::Unsigned)), type);
  }
  auto mask = [&](uint64_t byte) { return t.bits(type, byte * 0x0101010101010101u); };
  auto down = [&](Value v, int by) { return t.shiftRight(v, t.integer(type, by), Sign::Unsigned); };
  x = t.sub(x, t.both(down(x, 1), mask(0x55)));
  x = t.add(t.both(x, mask(0x33)), t.both(down(x, 2), mask(0x33)));
  x = t.both(t.add(x, down(x, 4)), mask(0x0f));
  return down(t.mul(x, mask(0x01)), static_cast<int>(bitsOf(scalar)) - 8);
}

/// Every bit below the highest one is set too; what is left are the leading zeros.
Value leadingZeros(Tiles& t, Value x) {
  TypeId type = x.type;
  auto width = static_cast<int>(bitsOf(t.scalarOf(x)));
  for (int by = 1; by < width; by *= 2)
    x = t.either(x, t.shiftRight(x, t.integer(type, by), Sign::Unsigned));
  return t.sub(t.integer(type, width), populationCount(t, x));
}

/// The bits below the lowest one that is set.
Value trailingZeros(Tiles& t, Value x) {
  Value below = t.both(t.flip(x), t.sub(x, t.integer(x.type, 1)));
  return populationCount(t, below);
}

/// After W. Kahan: the error of 1 + x is undone by a factor.
Value logOnePlus(Tiles& t, Value x) {
  Value one = t.real(x.type, 1), sum = t.addF(one, x);
  Value ratio = t.divF(x, t.subF(sum, one));
  Value result = t.mulF(t.unary(Opcode::Log, sum), ratio);
  result = t.select(t.compareF(Predicate::Equal, sum, one), x, result);
  return whereInfinite(t, x, x, result);
}

/// After W. Kahan: (u - 1) x / ln u with u = e^x.
Value expMinusOne(Tiles& t, Value x) {
  Value one = t.real(x.type, 1), power = exact(t, x), less = t.subF(power, one);
  Value result = t.divF(t.mulF(less, x), t.unary(Opcode::Log, power));
  result = t.select(t.compareF(Predicate::Equal, power, one), x, result);
  Value minusOne = t.real(x.type, -1);
  result = t.select(t.compareF(Predicate::Equal, less, minusOne), minusOne, result);
  return whereInfinite(t, power, power, result);
}

/// Minimax polynomials of our own: x P(x²) below 1, 1 - 2^-Q(x) from there to 4, where f32 has only 1 left.
/// The error is below 3 · 2^-24 relative.
Value errorFunction(Tiles& t, Value x) {
  constexpr double small[] = {1.128379225730896,      -0.37612637877464294,  0.11283782869577408,
                              -0.02686544507741928,   0.005221074912697077,  -0.0008484711870551109,
                              0.00011270546383457258, -9.680142284196336e-06};
  constexpr double large[] = {-0.00018075999105349183, 1.6290967464447021,     0.9149516224861145,
                              0.15431281924247742,     -0.03438881039619446,   0.004847841802984476,
                              -0.00014680750609841198, -9.282549581257626e-05, 1.7965625374927185e-05,
                              -1.1318275028315838e-06};
  Value one = t.real(x.type, 1), size = t.absolute(x);
  Value below = t.mulF(x, polynomial(t, t.mulF(x, x), small));
  Value place = t.min(size, t.real(x.type, 4));
  Value above = t.subF(one, t.exp2(t.negate(polynomial(t, place, large))));
  Value result = t.select(t.compareF(Predicate::Less, size, one), below, copySign(t, above, x));
  return t.select(t.isNan(x), x, result);
}

} // namespace tuned::tileir
