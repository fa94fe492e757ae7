// Operations of arith and math that no machine has and Triton never writes, in terms of those that every
// backend takes. The evaluator, which judges, runs them as they are.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <llvm/ADT/APFloat.h>
#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/IR/Builders.h>

#include <optional>
#include <utility>

namespace tuned {
namespace {

namespace arith = mlir::arith;
namespace math = mlir::math;
using mlir::Type;
using mlir::Value;
using Predicate = arith::CmpIPredicate;

/// Writes in front of one operation. Every function takes scalars and tensors alike.
class Expansion {
public:
  explicit Expansion(mlir::Operation* op) : b_(op), at_(op->getLoc()) {}

  static Type withElement(Type like, Type element) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(like);
    return tensor ? Type(tensor.clone(element)) : element;
  }
  static unsigned bitsOf(Type type) { return tt::elementType(type).getIntOrFloatBitWidth(); }
  Type integerLike(Type like, unsigned bits) { return withElement(like, b_.getIntegerType(bits)); }

  Value constant(Type type, const llvm::APInt& value) {
    mlir::TypedAttr attribute = b_.getIntegerAttr(tt::elementType(type), value);
    if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type))
      attribute = mlir::DenseElementsAttr::get(tensor, mlir::Attribute(attribute));
    return arith::ConstantOp::create(b_, at_, attribute);
  }
  Value constant(Type type, int64_t value) {
    return constant(type, llvm::APInt(bitsOf(type), static_cast<uint64_t>(value), true, true));
  }
  Value compare(Predicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b_, at_, predicate, x, y);
  }
  template <typename Op> Value binary(Value x, Value y) { return Op::create(b_, at_, x, y); }
  template <typename Op> Value cast(Type type, Value x) { return Op::create(b_, at_, type, x); }
  template <typename Op> Value unary(Value x) { return Op::create(b_, at_, x); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b_, at_, condition, yes, no);
  }
  Value isNegative(Value x) { return compare(Predicate::slt, x, constant(x.getType(), int64_t{0})); }
  Value isOdd(Value x) {
    return compare(Predicate::ne, binary<arith::AndIOp>(x, constant(x.getType(), 1)),
                   constant(x.getType(), int64_t{0}));
  }

  Value classify(math::IsNaNOp op) { return FloatBits(*this, op.getOperand()).isNan(); }
  Value classify(math::IsInfOp op) { return FloatBits(*this, op.getOperand()).isInfinite(); }
  Value classify(math::IsFiniteOp op) { return FloatBits(*this, op.getOperand()).isFinite(); }
  Value classify(math::IsNormalOp op) { return FloatBits(*this, op.getOperand()).isNormal(); }

  Value power(math::FPowIOp op);
  Value power(math::IPowIOp op);
  std::pair<Value, Value> sum(arith::AddUIExtendedOp op) {
    Value whole = binary<arith::AddIOp>(op.getLhs(), op.getRhs());
    return {whole, compare(Predicate::ult, whole, op.getLhs())};
  }
  std::pair<Value, Value> product(Value x, Value y, bool isSigned);

  mlir::OpBuilder& builder() { return b_; }

private:
  /// A float's bits compared as integers, which flushes no denormal and needs no arithmetic of its type.
  class FloatBits {
  public:
    FloatBits(Expansion& expansion, Value x)
        : e_(expansion),
          semantics_(mlir::cast<mlir::FloatType>(tt::elementType(x.getType())).getFloatSemantics()),
          bits_(e_.cast<arith::BitcastOp>(e_.integerLike(x.getType(), bitsOf(x.getType())), x)),
          magnitude_(e_.binary<arith::AndIOp>(
              bits_, e_.constant(bits_.getType(), llvm::APInt::getSignedMaxValue(bitsOf(x.getType()))))) {}

    Value isNan() {
      if (infinity()) return against(Predicate::ugt, *infinity());
      // One pattern of either sign, or where zero has no sign, that of the negative zero.
      const llvm::APInt nan = llvm::APFloat::getNaN(semantics_).bitcastToAPInt();
      return nan.isSignMask() ? e_.compare(Predicate::eq, bits_, e_.constant(bits_.getType(), nan))
                              : against(Predicate::eq, llvm::APInt::getSignedMaxValue(nan.getBitWidth()));
    }
    Value isInfinite() {
      if (infinity()) return against(Predicate::eq, *infinity());
      return e_.constant(e_.integerLike(bits_.getType(), 1), int64_t{0});
    }
    Value isFinite() {
      if (infinity()) return against(Predicate::ult, *infinity());
      return negated(isNan());
    }
    Value isNormal() {
      const llvm::APInt least = llvm::APFloat::getSmallestNormalized(semantics_).bitcastToAPInt();
      return e_.binary<arith::AndIOp>(isFinite(), against(Predicate::uge, least));
    }

  private:
    std::optional<llvm::APInt> infinity() const {
      if (!llvm::APFloat::semanticsHasInf(semantics_)) return std::nullopt;
      return llvm::APFloat::getInf(semantics_).bitcastToAPInt();
    }
    Value against(Predicate predicate, const llvm::APInt& bits) {
      return e_.compare(predicate, magnitude_, e_.constant(magnitude_.getType(), bits));
    }
    Value negated(Value bit) {
      return e_.binary<arith::XOrIOp>(bit, e_.constant(bit.getType(), llvm::APInt::getAllOnes(1)));
    }

    Expansion& e_;
    const llvm::fltSemantics& semantics_;
    Value bits_, magnitude_;
  };

  mlir::OpBuilder b_;
  mlir::Location at_;
};

/// |x|ⁿ in f64, rounded once, and negative where x is and n is odd: a double may be too short for that n.
Value Expansion::power(math::FPowIOp op) {
  const Type type = op.getType(), f64 = withElement(type, b_.getF64Type());
  const bool narrow = type != f64;
  Value x = op.getLhs(), n = op.getRhs();
  Value bits = cast<arith::BitcastOp>(integerLike(type, bitsOf(type)), x);
  Value magnitude = unary<math::AbsFOp>(narrow ? cast<arith::ExtFOp>(f64, x) : x);
  Value power = binary<math::PowFOp>(magnitude, cast<arith::SIToFPOp>(f64, n));
  Value negative = binary<arith::AndIOp>(isNegative(bits), isOdd(n));
  Value result = select(negative, unary<arith::NegFOp>(power), power);
  return narrow ? cast<arith::TruncFOp>(type, result) : result;
}

/// By squares, a step a bit of n. Of negative powers only those of 1 and -1 are integers; others are 0.
Value Expansion::power(math::IPowIOp op) {
  const Type type = op.getType();
  const unsigned bits = bitsOf(type);
  Value x = op.getLhs(), n = op.getRhs();
  Value one = constant(type, 1), zero = constant(type, int64_t{0}), minusOne = constant(type, -1);
  Value result = one, square = x;
  for (unsigned bit = 0; bit + 1 < bits; ++bit) {
    Value isSet = compare(Predicate::ne, binary<arith::AndIOp>(n, constant(type, int64_t{1} << bit)), zero);
    result = select(isSet, binary<arith::MulIOp>(result, square), result);
    if (bit + 2 < bits) square = binary<arith::MulIOp>(square, square);
  }
  Value ofMinusOne = select(isOdd(n), minusOne, one);
  Value inverse = select(compare(Predicate::eq, x, minusOne), ofMinusOne,
                         select(compare(Predicate::eq, x, one), one, zero));
  return select(isNegative(n), inverse, result);
}

/// The low and the high half. A signed high half is the unsigned one less each factor where the other is
/// negative.
std::pair<Value, Value> Expansion::product(Value x, Value y, bool isSigned) {
  const Type type = x.getType();
  const unsigned bits = bitsOf(type);
  Value low = binary<arith::MulIOp>(x, y), high;
  if (bits == 1) return {low, constant(type, int64_t{0})};
  if (bits == 32 || bits == 64) {
    high = binary<tt::MulhiUIOp>(x, y);
    if (!isSigned) return {low, high};
    Value zero = constant(type, int64_t{0});
    high = binary<arith::SubIOp>(high, select(isNegative(x), y, zero));
    return {low, binary<arith::SubIOp>(high, select(isNegative(y), x, zero))};
  }
  const Type wide = integerLike(type, 2 * bits);
  const auto extended = [&](Value value) {
    return isSigned ? cast<arith::ExtSIOp>(wide, value) : cast<arith::ExtUIOp>(wide, value);
  };
  Value whole = binary<arith::MulIOp>(extended(x), extended(y));
  high = binary<arith::ShRUIOp>(whole, constant(wide, int64_t{bits}));
  return {low, cast<arith::TruncIOp>(type, high)};
}

/// What stands for the results of an operation; nothing: it stays.
llvm::SmallVector<Value, 2> expanded(mlir::Operation* op) {
  Expansion e(op);
  const auto both = [](std::pair<Value, Value> two) {
    return llvm::SmallVector<Value, 2>{two.first, two.second};
  };
  using Values = llvm::SmallVector<Value, 2>;
  return llvm::TypeSwitch<mlir::Operation*, Values>(op)
      .Case<math::IsNaNOp, math::IsInfOp, math::IsFiniteOp, math::IsNormalOp>(
          [&](auto it) { return Values{e.classify(it)}; })
      .Case<math::FPowIOp, math::IPowIOp>([&](auto it) { return Values{e.power(it)}; })
      .Case([&](arith::AddUIExtendedOp it) { return both(e.sum(it)); })
      .Case([&](arith::MulUIExtendedOp it) { return both(e.product(it.getLhs(), it.getRhs(), false)); })
      .Case([&](arith::MulSIExtendedOp it) { return both(e.product(it.getLhs(), it.getRhs(), true)); })
      .Case([&](math::SincosOp it) {
        return Values{e.unary<math::SinOp>(it.getOperand()), e.unary<math::CosOp>(it.getOperand())};
      })
      .Case([&](math::ClampFOp it) {
        return Values{tt::ClampFOp::create(e.builder(), it.getLoc(), it.getType(), it.getValue(), it.getMin(),
                                           it.getMax(), tt::PropagateNan::NONE)};
      })
      .Default([](mlir::Operation*) { return Values{}; });
}

} // namespace

mlir::LogicalResult expandOperations(mlir::ModuleOp module) {
  module.walk([](mlir::Operation* op) {
    llvm::SmallVector<Value, 2> results = expanded(op);
    if (results.empty()) return;
    op->replaceAllUsesWith(results);
    op->erase();
  });
  return mlir::success();
}

} // namespace tuned
