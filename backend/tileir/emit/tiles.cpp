#include "backend/tileir/emit/tiles.h"

#include <llvm/ADT/APFloat.h>

namespace tuned::tileir {
namespace {

const llvm::fltSemantics& semanticsOf(Scalar scalar) {
  switch (scalar) {
  case Scalar::F16:
    return llvm::APFloat::IEEEhalf();
  case Scalar::BF16:
    return llvm::APFloat::BFloat();
  case Scalar::TF32:
    return llvm::APFloat::FloatTF32();
  case Scalar::F64:
    return llvm::APFloat::IEEEdouble();
  case Scalar::E4M3:
    return llvm::APFloat::Float8E4M3FN();
  case Scalar::E5M2:
    return llvm::APFloat::Float8E5M2();
  default:
    return llvm::APFloat::IEEEsingle();
  }
}

} // namespace

std::string elementBytes(Scalar scalar, uint64_t bits) {
  Bytes bytes;
  bytes.fixed(bits, bytesOf(scalar));
  return bytes.take();
}

uint64_t floatBits(Scalar scalar, double value) {
  llvm::APFloat number(value);
  bool inexact = false;
  number.convert(semanticsOf(scalar), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return number.bitcastToAPInt().getZExtValue();
}

Value Tiles::bits(TypeId type, uint64_t pattern) {
  Scalar scalar = types.elementScalar(type);
  if (scalar != Scalar::I1) return code.constant(type, elementBytes(scalar, pattern));
  // A single byte stands for all elements only when all its bits are set.
  bool splat = !types.shape(type).empty();
  return code.constant(type, std::string(1, pattern & 1 ? (splat ? '\xff' : '\x01') : '\0'));
}

Value Tiles::integer(TypeId type, int64_t value) {
  return bits(type, static_cast<uint64_t>(value));
}

Value Tiles::real(TypeId type, double value) {
  return bits(type, floatBits(types.elementScalar(type), value));
}

Value Tiles::reshape(Value x, const Shape& shape) {
  if (types.shape(x.type) == shape) return x;
  return code.op(Opcode::Reshape, types.withShape(x.type, shape), {}, {x});
}

Value Tiles::broadcast(Value x, const Shape& shape) {
  if (types.shape(x.type) == shape) return x;
  return code.op(Opcode::Broadcast, types.withShape(x.type, shape), {}, {x});
}

Value Tiles::splat(Value scalar, const Shape& shape) {
  return broadcast(reshape(scalar, Shape(shape.size(), 1)), shape);
}

Value Tiles::divide(Value x, Value y, Sign sign, DivRounding rounding) {
  return code.op(Opcode::DivI, x.type, {static_cast<uint8_t>(sign), static_cast<uint8_t>(rounding)}, {x, y});
}

Value Tiles::compare(Predicate predicate, Value x, Value y, Sign sign) {
  return code.op(Opcode::CmpI, i1Like(x), {static_cast<uint8_t>(predicate), static_cast<uint8_t>(sign)},
                 {x, y});
}

Value Tiles::compareF(Predicate predicate, Value x, Value y, bool ordered) {
  return code.op(Opcode::CmpF, i1Like(x), {static_cast<uint8_t>(predicate), uint8_t(ordered)}, {x, y});
}

Value Tiles::toFloat(Value x, TypeId type, Rounding rounding) {
  if (x.type == type) return x;
  return code.op(Opcode::FToF, type, {static_cast<uint8_t>(rounding)}, {x});
}

} // namespace tuned::tileir
