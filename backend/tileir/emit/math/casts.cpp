// Conversions between number types, and the same bits under another type.
#include "backend/tileir/emit/emitter.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tileir {
namespace {

template <bool isSigned> Result<void> extend(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.extend(e.of(op.getOperand(0)), e.type(op.getResult(0).getType()),
                                  isSigned ? Sign::Signed : Sign::Unsigned));
  return {};
}

Result<void> truncate(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.truncate(e.of(op.getOperand(0)), e.type(op.getResult(0).getType())));
  return {};
}

template <bool isSigned> Result<void> indexCast(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0));
  TypeId to = e.type(op.getResult(0).getType());
  unsigned from = bitsOf(e.scalarOf(x)), wanted = bitsOf(e.types.elementScalar(to));
  if (from < wanted) x = e.extend(x, to, isSigned ? Sign::Signed : Sign::Unsigned);
  if (from > wanted) x = e.truncate(x, to);
  e.set(op.getResult(0), x);
  return {};
}

/// Single bits go by way of bytes.
template <bool isSigned> Result<void> integerToFloat(Emitter& e, mlir::Operation& op) {
  constexpr Sign sign = isSigned ? Sign::Signed : Sign::Unsigned;
  Value x = e.of(op.getOperand(0));
  TypeId to = e.type(op.getResult(0).getType());
  if (e.scalarOf(x) == Scalar::I1) x = e.extend(x, e.types.withElement(x.type, Scalar::I32), sign);
  if (bitsOf(e.types.elementScalar(to)) == 8) {
    Value wide = e.fromInteger(x, e.types.withElement(to, Scalar::F32), sign);
    e.set(op.getResult(0), e.toFloat(wide, to));
    return {};
  }
  e.set(op.getResult(0), e.fromInteger(x, to, sign));
  return {};
}

/// 8-bit floats and single bits by way of wider ones.
template <bool isSigned> Result<void> floatToInteger(Emitter& e, mlir::Operation& op) {
  constexpr Sign sign = isSigned ? Sign::Signed : Sign::Unsigned;
  Value x = e.of(op.getOperand(0));
  TypeId to = e.type(op.getResult(0).getType());
  if (bitsOf(e.scalarOf(x)) == 8) x = e.toFloat(x, e.types.withElement(x.type, Scalar::F32));
  if (e.types.elementScalar(to) == Scalar::I1) {
    Value wide = e.toInteger(x, e.types.withElement(to, Scalar::I32), sign);
    e.set(op.getResult(0), e.truncate(wide, to));
    return {};
  }
  e.set(op.getResult(0), e.toInteger(x, to, sign));
  return {};
}

/// f64 to f32 rounded to odd: toward zero, and the last bit set where something was lost. A second rounding
/// to at least two bits less then gives what one rounding would.
Value roundedToOdd(Emitter& e, Value x) {
  TypeId f32 = e.types.withElement(x.type, Scalar::F32), i32 = e.types.withElement(x.type, Scalar::I32);
  Value near = e.toFloat(x, f32);
  Value back = e.toFloat(near, x.type);
  Value bits = e.bitcast(near, i32);
  Value beyond = e.compareF(Predicate::Greater, e.absolute(back), e.absolute(x));
  Value lost = e.compareF(Predicate::NotEqual, back, x);
  Value zero = e.integer(i32, 0), one = e.integer(i32, 1);
  bits = e.sub(bits, e.select(beyond, one, zero));
  bits = e.either(bits, e.select(lost, one, zero));
  return e.bitcast(bits, f32);
}

Value narrow(Emitter& e, Value x, TypeId to, Rounding rounding) {
  Scalar from = e.scalarOf(x), wanted = e.types.elementScalar(to);
  if (from == wanted) return x;
  bool direct = wanted == Scalar::F32 || (wanted == Scalar::F16 && rounding == Rounding::Nearest);
  if (from == Scalar::F64 && !direct)
    x = rounding == Rounding::Nearest ? roundedToOdd(e, x)
                                      : e.toFloat(x, e.types.withElement(to, Scalar::F32), rounding);
  // Between the two 16-bit formats, and from them to 8 bits, by way of f32, which holds both.
  if (bitsOf(from) == 16 && wanted != Scalar::F32 && wanted != Scalar::F64)
    x = e.toFloat(x, e.types.withElement(to, Scalar::F32));
  return e.toFloat(x, to, rounding);
}

Result<void> floatToFloat(Emitter& e, mlir::Operation& op) {
  auto cast = mlir::dyn_cast<tt::FpToFpOp>(op);
  bool down = cast && cast.getRounding() == tt::RoundingMode::RTZ;
  Value x = e.of(op.getOperand(0));
  TypeId to = e.type(op.getResult(0).getType());
  unsigned from = bitsOf(e.scalarOf(x)), wanted = bitsOf(e.types.elementScalar(to));
  if (from == 8 && wanted == 8 && x.type != to) return unsupported(op, "from one 8-bit format to the other");
  if (wanted > from || x.type == to) {
    // e5m2 and e4m3 are read as f16, which holds them exactly.
    if (from == 8 && e.types.elementScalar(to) != Scalar::F16)
      x = e.toFloat(x, e.types.withElement(to, Scalar::F16));
    e.set(op.getResult(0), e.toFloat(x, to));
    return {};
  }
  if (down && wanted == 8) return unsupported(op, "toward zero to 8 bits");
  e.set(op.getResult(0), narrow(e, x, to, down ? Rounding::Zero : Rounding::Nearest));
  return {};
}

/// An address is a number of 64 bits.
Value asInteger(Emitter& e, Value pointers, TypeId to) {
  Value wide = e.code.op(Opcode::PtrToInt, e.types.withElement(pointers.type, Scalar::I64), {}, {pointers});
  return wide.type == to ? wide : e.truncate(wide, to);
}

Value asPointers(Emitter& e, Value numbers, TypeId to) {
  TypeId wide = e.types.withElement(numbers.type, Scalar::I64);
  if (numbers.type != wide) numbers = e.extend(numbers, wide, Sign::Unsigned);
  return e.code.op(Opcode::IntToPtr, to, {}, {numbers});
}

Result<void> bitcast(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), result = x;
  TypeId to = e.type(op.getResult(0).getType());
  bool fromPointer = e.types.isPointerTile(x.type), toPointer = e.types.isPointerTile(to);
  if (fromPointer && toPointer)
    result = x.type == to ? x : e.code.op(Opcode::PtrToPtr, to, {}, {x});
  else if (fromPointer)
    result = asInteger(e, x, e.types.withElement(to, integerOf(e.types.elementScalar(to))));
  else if (toPointer)
    result = asPointers(e, e.bitcast(x, integerOf(e.scalarOf(x))), to);
  e.set(op.getResult(0), toPointer ? result : e.bitcast(result, to));
  return {};
}

Result<void> pointerToInteger(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), asInteger(e, e.of(op.getOperand(0)), e.type(op.getResult(0).getType())));
  return {};
}

Result<void> integerToPointer(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), asPointers(e, e.of(op.getOperand(0)), e.type(op.getResult(0).getType())));
  return {};
}

} // namespace

void addCasts(OpTable& table) {
  table["arith.extsi"] = extend<true>;
  table["arith.extui"] = extend<false>;
  table["arith.trunci"] = truncate;
  table["arith.index_cast"] = indexCast<true>;
  table["arith.index_castui"] = indexCast<false>;
  table["arith.sitofp"] = integerToFloat<true>;
  table["arith.uitofp"] = integerToFloat<false>;
  table["arith.fptosi"] = floatToInteger<true>;
  table["arith.fptoui"] = floatToInteger<false>;
  table["arith.extf"] = floatToFloat;
  table["arith.truncf"] = floatToFloat;
  table["tt.fp_to_fp"] = floatToFloat;
  table["tt.bitcast"] = bitcast;
  table["arith.bitcast"] = bitcast;
  table["tt.ptr_to_int"] = pointerToInteger;
  table["tt.int_to_ptr"] = integerToPointer;
}

} // namespace tuned::tileir
