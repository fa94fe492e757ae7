// Arithmetic on tiles, one function an operation, with constants of any type: what the families of operations
// and the math functions are written in. Knows nothing of kernel IR.
#pragma once

#include "backend/tileir/bytecode/code.h"

namespace tuned::tileir {

/// The numbers of one element, as they lie in a constant.
std::string elementBytes(Scalar scalar, uint64_t bits);
/// A number rounded to the type, as its bits.
uint64_t floatBits(Scalar scalar, double value);

class Tiles {
public:
  explicit Tiles(Code& code) : code(code), types(code.types) {}

  // --- constants: `type` is a tile, all elements are equal
  Value integer(TypeId type, int64_t value);
  Value real(TypeId type, double value);
  Value bits(TypeId type, uint64_t pattern);

  // --- shapes
  Value reshape(Value x, const Shape& shape);
  Value broadcast(Value x, const Shape& shape);
  /// A scalar, everywhere in a tile of that shape.
  Value splat(Value scalar, const Shape& shape);
  /// 0, 1, … of i32.
  Value iota(int64_t count) { return code.op(Opcode::Iota, types.tile(Scalar::I32, {count}), {}, {}); }

  // --- integers
  Value plain(Opcode op, Value x, Value y) { return code.op(op, x.type, {}, {x, y}); }
  Value wrapping(Opcode op, Value x, Value y) { return code.op(op, x.type, {0}, {x, y}); }
  Value add(Value x, Value y) { return wrapping(Opcode::AddI, x, y); }
  Value sub(Value x, Value y) { return wrapping(Opcode::SubI, x, y); }
  Value mul(Value x, Value y) { return wrapping(Opcode::MulI, x, y); }
  Value shiftLeft(Value x, Value y) { return wrapping(Opcode::ShlI, x, y); }
  Value shiftRight(Value x, Value y, Sign sign) { return signedOp(Opcode::ShrI, x, y, sign); }
  Value signedOp(Opcode op, Value x, Value y, Sign sign) {
    return code.op(op, x.type, {static_cast<uint8_t>(sign)}, {x, y});
  }
  Value both(Value x, Value y) { return plain(Opcode::AndI, x, y); }
  Value either(Value x, Value y) { return plain(Opcode::OrI, x, y); }
  Value exclusive(Value x, Value y) { return plain(Opcode::XorI, x, y); }
  /// All bits turned over.
  Value flip(Value x) { return exclusive(x, bits(x.type, ~uint64_t(0))); }
  Value divide(Value x, Value y, Sign sign, DivRounding rounding = DivRounding::Zero);
  Value compare(Predicate predicate, Value x, Value y, Sign sign = Sign::Signed);
  Value extend(Value x, TypeId type, Sign sign) {
    return code.op(Opcode::ExtI, type, {static_cast<uint8_t>(sign)}, {x});
  }
  Value truncate(Value x, TypeId type) { return code.op(Opcode::TruncI, type, {0}, {x}); }

  // --- floats
  Value unary(Opcode op, Value x) { return code.op(op, x.type, {}, {x}); }
  Value rounded(Opcode op, Value x, Value y, Rounding rounding = Rounding::Nearest) {
    return code.op(op, x.type, {0, static_cast<uint8_t>(rounding)}, {x, y});
  }
  Value addF(Value x, Value y) { return rounded(Opcode::AddF, x, y); }
  Value subF(Value x, Value y) { return rounded(Opcode::SubF, x, y); }
  Value mulF(Value x, Value y) { return rounded(Opcode::MulF, x, y); }
  Value divF(Value x, Value y, Rounding rounding = Rounding::Nearest) {
    return rounded(Opcode::DivF, x, y, rounding);
  }
  Value fma(Value x, Value y, Value z) { return code.op(Opcode::Fma, x.type, {0, 0}, {x, y, z}); }
  Value sqrt(Value x, Rounding rounding = Rounding::Nearest, bool flush = false) {
    return code.op(Opcode::Sqrt, x.type, {uint8_t(flush), static_cast<uint8_t>(rounding)}, {x});
  }
  Value exp2(Value x, bool flush = false) { return code.op(Opcode::Exp2, x.type, {uint8_t(flush)}, {x}); }
  Value rsqrt(Value x, bool flush = false) { return code.op(Opcode::Rsqrt, x.type, {uint8_t(flush)}, {x}); }
  Value max(Value x, Value y, bool propagateNan = false) {
    return code.op(Opcode::MaxF, x.type, {uint8_t(propagateNan)}, {x, y});
  }
  Value min(Value x, Value y, bool propagateNan = false) {
    return code.op(Opcode::MinF, x.type, {uint8_t(propagateNan)}, {x, y});
  }
  Value negate(Value x) { return unary(Opcode::NegF, x); }
  Value absolute(Value x) { return unary(Opcode::AbsF, x); }
  Value compareF(Predicate predicate, Value x, Value y, bool ordered = true);
  Value isNan(Value x) { return compareF(Predicate::NotEqual, x, x, false); }

  // --- conversions
  /// Between float types; the same value when the type is.
  Value toFloat(Value x, TypeId type, Rounding rounding = Rounding::Nearest);
  Value fromInteger(Value x, TypeId type, Sign sign) {
    return code.op(Opcode::IToF, type, {static_cast<uint8_t>(sign), 0}, {x});
  }
  Value toInteger(Value x, TypeId type, Sign sign) {
    return code.op(Opcode::FToI, type, {static_cast<uint8_t>(sign), static_cast<uint8_t>(Rounding::ToInt)},
                   {x});
  }
  Value bitcast(Value x, TypeId type) { return x.type == type ? x : code.op(Opcode::Bitcast, type, {}, {x}); }
  Value bitcast(Value x, Scalar scalar) { return bitcast(x, types.withElement(x.type, scalar)); }

  Value select(Value condition, Value yes, Value no) {
    return code.op(Opcode::Select, yes.type, {}, {condition, yes, no});
  }
  TypeId i1Like(Value x) { return types.withElement(x.type, Scalar::I1); }
  Scalar scalarOf(Value x) const { return types.elementScalar(x.type); }

  Code& code;
  Types& types;
};

} // namespace tuned::tileir
