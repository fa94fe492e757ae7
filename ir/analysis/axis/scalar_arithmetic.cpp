// One operation of integer arithmetic on columns.
#include "ir/analysis/program_domain.h"

#include <functional>
#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

namespace {

namespace arith = mlir::arith;
using mlir::Operation;

unsigned widthOf(mlir::Type type) {
  if (auto integer = mlir::dyn_cast<mlir::IntegerType>(type)) return integer.getWidth();
  return 64; // index
}

uint64_t unsignedOf(int64_t value, unsigned width) {
  return width >= 64 ? uint64_t(value) : uint64_t(value) & ((uint64_t(1) << width) - 1);
}

/// A function of two numbers of `width` bits, each sign-extended (i1: 0 or 1); nullopt: undefined.
using Binary = std::optional<int64_t> (*)(int64_t a, int64_t b, unsigned width);

/// A signed division is undefined by zero, and where the quotient does not fit.
bool divides(int64_t a, int64_t b, unsigned width) {
  int64_t least = width >= 64 ? INT64_MIN : -(int64_t(1) << (width - 1));
  return b != 0 && !(b == -1 && a == least);
}

std::optional<int64_t> shiftLeft(int64_t a, int64_t b, unsigned width) {
  if (unsignedOf(b, width) >= width) return std::nullopt;
  return int64_t(uint64_t(a) << b);
}
std::optional<int64_t> shiftRight(int64_t a, int64_t b, unsigned width) {
  if (unsignedOf(b, width) >= width) return std::nullopt;
  return a >> b;
}
std::optional<int64_t> shiftRightUnsigned(int64_t a, int64_t b, unsigned width) {
  if (unsignedOf(b, width) >= width) return std::nullopt;
  return int64_t(unsignedOf(a, width) >> b);
}

/// A signed and an unsigned division, undefined where there is no result.
template <typename Function> std::optional<int64_t> signedDivision(int64_t a, int64_t b, unsigned width) {
  if (!divides(a, b, width)) return std::nullopt;
  return Function()(a, b);
}
template <typename Function> std::optional<int64_t> unsignedDivision(int64_t a, int64_t b, unsigned width) {
  uint64_t divisor = unsignedOf(b, width);
  if (divisor == 0) return std::nullopt;
  return int64_t(Function()(unsignedOf(a, width), divisor));
}
struct FloorDivides {
  int64_t operator()(int64_t a, int64_t b) const { return a / b - int64_t(a % b != 0 && (a < 0) != (b < 0)); }
};
struct CeilingDivides {
  int64_t operator()(int64_t a, int64_t b) const { return a / b + int64_t(a % b != 0 && (a < 0) == (b < 0)); }
  uint64_t operator()(uint64_t a, uint64_t b) const { return a / b + uint64_t(a % b != 0); }
};

Binary divisionOf(Operation* op) {
  if (mlir::isa<arith::DivSIOp>(op)) return signedDivision<std::divides<>>;
  if (mlir::isa<arith::RemSIOp>(op)) return signedDivision<std::modulus<>>;
  if (mlir::isa<arith::FloorDivSIOp>(op)) return signedDivision<FloorDivides>;
  if (mlir::isa<arith::CeilDivSIOp>(op)) return signedDivision<CeilingDivides>;
  if (mlir::isa<arith::DivUIOp>(op)) return unsignedDivision<std::divides<>>;
  if (mlir::isa<arith::RemUIOp>(op)) return unsignedDivision<std::modulus<>>;
  if (mlir::isa<arith::CeilDivUIOp>(op)) return unsignedDivision<CeilingDivides>;
  return nullptr;
}

Binary binaryOf(Operation* op) {
  // Sums wrap: unsigned in between, where C++ defines that.
  if (mlir::isa<arith::AddIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(int64_t(uint64_t(a) + uint64_t(b))); };
  if (mlir::isa<arith::SubIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(int64_t(uint64_t(a) - uint64_t(b))); };
  if (mlir::isa<arith::MulIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(int64_t(uint64_t(a) * uint64_t(b))); };
  if (mlir::isa<arith::AndIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(a & b); };
  if (mlir::isa<arith::OrIOp>(op)) return [](int64_t a, int64_t b, unsigned) { return std::optional(a | b); };
  if (mlir::isa<arith::XOrIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(a ^ b); };
  if (mlir::isa<arith::MinSIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(std::min(a, b)); };
  if (mlir::isa<arith::MaxSIOp>(op))
    return [](int64_t a, int64_t b, unsigned) { return std::optional(std::max(a, b)); };
  if (mlir::isa<arith::MinUIOp>(op))
    return [](int64_t a, int64_t b, unsigned w) {
      return std::optional(unsignedOf(a, w) < unsignedOf(b, w) ? a : b);
    };
  if (mlir::isa<arith::MaxUIOp>(op))
    return [](int64_t a, int64_t b, unsigned w) {
      return std::optional(unsignedOf(a, w) > unsignedOf(b, w) ? a : b);
    };
  if (mlir::isa<arith::ShLIOp>(op)) return shiftLeft;
  if (mlir::isa<arith::ShRSIOp>(op)) return shiftRight;
  if (mlir::isa<arith::ShRUIOp>(op)) return shiftRightUnsigned;
  return divisionOf(op);
}

bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b, unsigned width) {
  using enum arith::CmpIPredicate;
  uint64_t x = unsignedOf(a, width), y = unsignedOf(b, width);
  switch (predicate) {
  case eq:
    return a == b;
  case ne:
    return a != b;
  case slt:
    return a < b;
  case sle:
    return a <= b;
  case sgt:
    return a > b;
  case sge:
    return a >= b;
  case ult:
    return x < y;
  case ule:
    return x <= y;
  case ugt:
    return x > y;
  case uge:
    return x >= y;
  }
  return false;
}

/// Extensions and truncations: of i1, the sign-extended one is -1.
int64_t cast(Operation* op, int64_t value) {
  unsigned from = widthOf(op->getOperand(0).getType());
  if (mlir::isa<arith::ExtUIOp, arith::IndexCastUIOp>(op)) return int64_t(unsignedOf(value, from));
  if (from == 1 && mlir::isa<arith::ExtSIOp, arith::IndexCastOp>(op)) return -value;
  return value;
}

bool isCast(Operation* op) {
  return mlir::isa<arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp, arith::IndexCastOp, arith::IndexCastUIOp>(
      op);
}

/// What arithmetic on i1 computes is taken with the sign that i1 has as a number, and kept as 0 or 1.
int64_t asSigned(int64_t value, unsigned width) {
  return width == 1 ? -value : value;
}

} // namespace

int64_t wrapTo(mlir::Type type, int64_t value) {
  unsigned width = widthOf(type);
  if (width >= 64) return value;
  if (width == 1) return value & 1;
  return int64_t(uint64_t(value) << (64 - width)) >> (64 - width);
}

bool isScalarArithmetic(Operation* op) {
  if (op->getNumResults() != 1 || op->getNumRegions() != 0) return false;
  auto narrow = [](mlir::Type type) {
    return type.isIndex() || (type.isSignlessInteger() && type.getIntOrFloatBitWidth() <= 64);
  };
  if (!narrow(op->getResult(0).getType()) || !llvm::all_of(op->getOperandTypes(), narrow)) return false;
  return binaryOf(op) || isCast(op) || mlir::isa<arith::ConstantOp, arith::CmpIOp, arith::SelectOp>(op);
}

std::optional<Column> applyScalar(Operation* op, llvm::ArrayRef<const Column*> operands, size_t points) {
  mlir::Type type = op->getResult(0).getType();
  Column out(points);
  if (auto constant = mlir::dyn_cast<arith::ConstantOp>(op)) {
    auto number = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue());
    if (!number) return std::nullopt;
    std::ranges::fill(out, wrapTo(type, number.getValue().getSExtValue()));
    return out;
  }
  if (auto compared = mlir::dyn_cast<arith::CmpIOp>(op)) {
    unsigned width = widthOf(compared.getLhs().getType());
    for (size_t i = 0; i < points; ++i)
      out[i] = compare(compared.getPredicate(), asSigned((*operands[0])[i], width),
                       asSigned((*operands[1])[i], width), width);
    return out;
  }
  if (mlir::isa<arith::SelectOp>(op)) {
    for (size_t i = 0; i < points; ++i)
      out[i] = (*operands[(*operands[0])[i] != 0 ? 1 : 2])[i];
    return out;
  }
  if (isCast(op)) {
    for (size_t i = 0; i < points; ++i)
      out[i] = wrapTo(type, cast(op, (*operands[0])[i]));
    return out;
  }
  Binary binary = binaryOf(op);
  if (!binary) return std::nullopt;
  unsigned width = widthOf(type);
  for (size_t i = 0; i < points; ++i) {
    auto value = binary(asSigned((*operands[0])[i], width), asSigned((*operands[1])[i], width), width);
    if (!value) return std::nullopt;
    out[i] = wrapTo(type, *value);
  }
  return out;
}

} // namespace tuned::tt
