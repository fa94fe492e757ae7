// arith on integers. Lanes wrap; shifts by the width or more give what NVIDIA's instructions give.
#include "backend/tileir/emit/emitter.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tileir {
namespace {

namespace arith = mlir::arith;

bool isBool(Emitter& e, Value x) {
  return e.scalarOf(x) == Scalar::I1;
}

/// One element of an attribute as bits.
uint64_t bitsOfAttribute(mlir::Attribute attribute) {
  if (auto integer = mlir::dyn_cast<mlir::IntegerAttr>(attribute)) return integer.getValue().getZExtValue();
  return mlir::cast<mlir::FloatAttr>(attribute).getValue().bitcastToAPInt().getZExtValue();
}

/// Elements that differ, one after the other; i1 eight a byte, lowest bit first.
std::string elementsOf(mlir::DenseElementsAttr elements, Scalar scalar) {
  std::string bytes;
  unsigned filled = 0;
  for (mlir::Attribute attribute : elements.getValues<mlir::Attribute>()) {
    uint64_t bits = bitsOfAttribute(attribute);
    if (scalar != Scalar::I1) {
      bytes += elementBytes(scalar, bits);
      continue;
    }
    if (filled % 8 == 0) bytes.push_back('\0');
    bytes.back() = static_cast<char>(bytes.back() | static_cast<char>((bits & 1) << (filled % 8)));
    ++filled;
  }
  return bytes;
}

Result<void> constant(Emitter& e, mlir::Operation& op) {
  mlir::Attribute value = mlir::cast<arith::ConstantOp>(op).getValue();
  TypeId type = e.type(op.getResult(0).getType());
  auto elements = mlir::dyn_cast<mlir::DenseElementsAttr>(value);
  if (elements && elements.isSplat()) value = elements.getSplatValue<mlir::Attribute>();
  if (elements && !elements.isSplat())
    e.set(op.getResult(0), e.code.constant(type, elementsOf(elements, e.types.elementScalar(type))));
  else if (mlir::isa<mlir::IntegerAttr, mlir::FloatAttr>(value))
    e.set(op.getResult(0), e.bits(type, bitsOfAttribute(value)));
  else
    return unsupported(op, "a constant of this kind");
  return {};
}

/// add, sub, mul: what is known not to overflow is said. A bit wraps as xor and and do.
template <typename Op, Opcode opcode, Opcode onBits> Result<void> wrapping(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isBool(e, x)) {
    e.set(op.getResult(0), e.plain(onBits, x, y));
    return {};
  }
  auto flags = static_cast<uint8_t>(mlir::cast<Op>(op).getOverflowFlags());
  e.set(op.getResult(0), e.code.op(opcode, x.type, {flags}, {x, y}));
  return {};
}

template <Opcode opcode> Result<void> bitwise(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.plain(opcode, e.of(op.getOperand(0)), e.of(op.getOperand(1))));
  return {};
}

/// max and min; of a bit, signed, true is the lesser.
template <Opcode opcode, Sign sign, Opcode onBits> Result<void> extreme(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  e.set(op.getResult(0), isBool(e, x) ? e.plain(onBits, x, y) : e.signedOp(opcode, x, y, sign));
  return {};
}

/// Whether every lane of a shift's amount is known to be less than the width.
bool withinWidth(Emitter& e, mlir::Value amount, unsigned width) {
  const tt::AxisInfo& info = e.facts.of(amount);
  if (info.constant) return *info.constant >= 0 && *info.constant < static_cast<int64_t>(width);
  return info.lower && info.upper && *info.lower >= 0 && *info.upper < static_cast<int64_t>(width);
}

template <Opcode opcode, Sign sign> Result<void> shift(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), amount = e.of(op.getOperand(1));
  unsigned width = bitsOf(e.scalarOf(x));
  if (width == 1) return unsupported(op, "of single bits");
  auto shifted = [&](Value by) {
    return opcode == Opcode::ShlI ? e.shiftLeft(x, by) : e.shiftRight(x, by, sign);
  };
  if (withinWidth(e, op.getOperand(1), width)) {
    e.set(op.getResult(0), shifted(amount));
    return {};
  }
  Value last = e.integer(amount.type, width - 1);
  Value inside = e.compare(Predicate::LessEqual, amount, last, Sign::Unsigned);
  Value safe = e.select(inside, amount, last);
  bool arithmetic = opcode == Opcode::ShrI && sign == Sign::Signed;
  Value result = shifted(safe);
  e.set(op.getResult(0), arithmetic ? result : e.select(inside, result, e.integer(x.type, 0)));
  return {};
}

Result<void> compareIntegers(Emitter& e, mlir::Operation& op) {
  using P = arith::CmpIPredicate;
  P predicate = mlir::cast<arith::CmpIOp>(op).getPredicate();
  constexpr Predicate predicates[] = {Predicate::Equal,       Predicate::NotEqual,  Predicate::Less,
                                      Predicate::LessEqual,   Predicate::Greater,   Predicate::GreaterEqual,
                                      Predicate::Less,        Predicate::LessEqual, Predicate::Greater,
                                      Predicate::GreaterEqual};
  Sign sign = predicate >= P::ult || predicate <= P::ne ? Sign::Unsigned : Sign::Signed;
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (e.types.isPointerTile(x.type)) return unsupported(op, "of pointers");
  if (isBool(e, x)) {
    TypeId byte = e.types.withElement(x.type, Scalar::I8);
    x = e.extend(x, byte, sign);
    y = e.extend(y, byte, sign);
  }
  e.set(op.getResult(0), e.compare(predicates[static_cast<unsigned>(predicate)], x, y, sign));
  return {};
}

/// The condition may be one bit for a whole tile.
Result<void> select(Emitter& e, mlir::Operation& op) {
  auto choice = mlir::cast<arith::SelectOp>(op);
  Value condition = e.of(choice.getCondition());
  Values yes = e.parts(choice.getTrueValue()), no = e.parts(choice.getFalseValue()), results;
  for (size_t i = 0; i < yes.size(); ++i) {
    Value lanes = condition;
    const Shape shape = e.types.shape(yes[i].type);
    if (e.types.shape(condition.type) != shape) lanes = e.splat(condition, shape);
    results.push_back(e.select(lanes, yes[i], no[i]));
  }
  e.setParts(op.getResult(0), std::move(results));
  return {};
}

/// The high half of an unsigned product; Tile IR has none of 8 bits.
Result<void> multiplyHigh(Emitter& e, mlir::Operation& op) {
  Value x = e.of(op.getOperand(0)), y = e.of(op.getOperand(1));
  if (isBool(e, x)) return unsupported(op, "of single bits");
  if (e.scalarOf(x) == Scalar::I8) {
    TypeId wide = e.types.withElement(x.type, Scalar::I16);
    Value product = e.mul(e.extend(x, wide, Sign::Unsigned), e.extend(y, wide, Sign::Unsigned));
    e.set(op.getResult(0), e.truncate(e.shiftRight(product, e.integer(wide, 8), Sign::Unsigned), x.type));
  } else {
    e.set(op.getResult(0), e.plain(Opcode::MulhiI, x, y));
  }
  return {};
}

} // namespace

void addIntegers(OpTable& table) {
  table["arith.constant"] = constant;
  table["arith.addi"] = wrapping<arith::AddIOp, Opcode::AddI, Opcode::XorI>;
  table["arith.subi"] = wrapping<arith::SubIOp, Opcode::SubI, Opcode::XorI>;
  table["arith.muli"] = wrapping<arith::MulIOp, Opcode::MulI, Opcode::AndI>;
  table["arith.andi"] = bitwise<Opcode::AndI>;
  table["arith.ori"] = bitwise<Opcode::OrI>;
  table["arith.xori"] = bitwise<Opcode::XorI>;
  table["arith.shli"] = shift<Opcode::ShlI, Sign::Unsigned>;
  table["arith.shrsi"] = shift<Opcode::ShrI, Sign::Signed>;
  table["arith.shrui"] = shift<Opcode::ShrI, Sign::Unsigned>;
  table["arith.maxsi"] = extreme<Opcode::MaxI, Sign::Signed, Opcode::AndI>;
  table["arith.minsi"] = extreme<Opcode::MinI, Sign::Signed, Opcode::OrI>;
  table["arith.maxui"] = extreme<Opcode::MaxI, Sign::Unsigned, Opcode::OrI>;
  table["arith.minui"] = extreme<Opcode::MinI, Sign::Unsigned, Opcode::AndI>;
  table["arith.cmpi"] = compareIntegers;
  table["arith.select"] = select;
  table["tt.mulhiui"] = multiplyHigh;
}

} // namespace tuned::tileir
