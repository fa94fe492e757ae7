// Facts through integer arithmetic and address computations.
#include "ir/analysis/axis/axis_bounds.h"
#include "ir/analysis/axis/axis_transfer.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

namespace {

using mlir::arith::CmpIPredicate;
using Info = std::optional<AxisInfo>;

int64_t powerIn(int64_t value) {
  return value == 0 ? AxisInfo::maxDivisor : std::max<int64_t>(1, value & -value);
}

int64_t multiply(int64_t a, int64_t b) {
  return a > AxisInfo::maxDivisor / b ? AxisInfo::maxDivisor : a * b;
}

/// Runs over which both are constant; nothing else.
AxisInfo bothConstant(mlir::Type type, const AxisInfo& a, const AxisInfo& b) {
  AxisInfo info = AxisInfo::unknown(type);
  for (size_t d = 0; d < info.rank(); ++d)
    info.constancy[d] = std::min(a.constancy[d], b.constancy[d]);
  return info;
}

/// Like `value` but of another type with the same shape: casts.
AxisInfo sameDims(mlir::Type type, const AxisInfo& value) {
  AxisInfo info = value;
  clampToType(info, type);
  return info;
}

/// a + b; `step` is 1 or, for pointers, the pointee's bytes, by which b's divisibility counts.
AxisInfo add(mlir::Type type, const AxisInfo& a, const AxisInfo& b, int64_t step, bool subtract) {
  AxisInfo info = bothConstant(type, a, b);
  for (size_t d = 0; d < info.rank(); ++d) {
    int64_t run = std::min(a.contiguity[d], b.constancy[d]);
    if (!subtract) run = std::max(run, std::min(a.constancy[d], b.contiguity[d]));
    info.contiguity[d] = run;
    info.divisibility[d] = std::min(a.divisorAt(d, run, step), multiply(b.divisorAt(d, run), step & -step));
  }
  return info;
}

AxisInfo multiplyInfo(mlir::Type type, const AxisInfo& a, const AxisInfo& b) {
  if (b.constant == 1) return a;
  if (a.constant == 1) return b;
  AxisInfo info = bothConstant(type, a, b);
  for (size_t d = 0; d < info.rank(); ++d)
    info.divisibility[d] = multiply(a.divisorAt(d, 1), b.divisorAt(d, 1));
  boundProduct(info, a, b, type);
  return info;
}

/// Runs of rising values that start at a multiple of their length, and over which `b` is one multiple of it.
int64_t alignedRun(const AxisInfo& a, const AxisInfo& b, size_t d) {
  int64_t run = std::min({a.contiguity[d], a.divisibility[d], b.constancy[d], b.divisorAt(d, 1)});
  return std::max<int64_t>(1, run);
}

bool isBit(mlir::Type type) {
  return elementType(type).isInteger(1);
}

/// a / b. Toward zero, the runs around zero break: they need an `a` that is proven not to be negative.
AxisInfo divide(mlir::Type type, const AxisInfo& a, const AxisInfo& b, Division division) {
  AxisInfo info = bothConstant(type, a, b);
  if (isBit(type)) return info;
  if (b.constant == 1) return a;
  bool runs = division != Division::TowardZero || a.isNatural();
  for (size_t d = 0; d < info.rank(); ++d) {
    if (runs) info.constancy[d] = std::max(info.constancy[d], alignedRun(a, b, d));
    if (b.constant && *b.constant > 0 && (*b.constant & (*b.constant - 1)) == 0)
      info.divisibility[d] = std::max<int64_t>(1, a.divisorAt(d, 1) / *b.constant);
  }
  boundQuotient(info, a, b, division);
  return info;
}

/// a % b with the sign of a, or of both read without signs. The runs of a negative `a` break with the sign.
AxisInfo remainder(mlir::Type type, const AxisInfo& a, const AxisInfo& b, bool isUnsigned) {
  AxisInfo info = bothConstant(type, a, b);
  if (isBit(type)) return info;
  bool runs = isUnsigned || a.isNatural();
  for (size_t d = 0; d < info.rank(); ++d) {
    info.contiguity[d] = runs ? alignedRun(a, b, d) : 1;
    info.divisibility[d] = std::min(a.divisorAt(d, info.contiguity[d]), b.divisorAt(d, 1));
  }
  boundRemainder(info, a, b, isUnsigned);
  return info;
}

AxisInfo bitwise(mlir::Operation* op, const AxisInfo& a, const AxisInfo& b) {
  mlir::Type type = op->getResult(0).getType();
  bool conjunction = mlir::isa<mlir::arith::AndIOp>(op);
  // x & (2^k - 1) is a remainder whatever the sign.
  if (conjunction && b.constant && *b.constant > 0 && *b.constant < AxisInfo::maxDivisor &&
      (*b.constant & (*b.constant + 1)) == 0) {
    AxisInfo modulus = AxisInfo::ofConstant(type, *b.constant + 1);
    return remainder(type, a, modulus, true);
  }
  AxisInfo info = bothConstant(type, a, b);
  for (size_t d = 0; d < info.rank(); ++d) {
    int64_t left = a.divisorAt(d, 1), right = b.divisorAt(d, 1);
    info.divisibility[d] = conjunction ? std::max(left, right) : std::min(left, right);
  }
  boundBitwise(info, a, b, conjunction);
  return info;
}

AxisInfo shift(mlir::Operation* op, const AxisInfo& a, const AxisInfo& b) {
  mlir::Type type = op->getResult(0).getType();
  if (!b.constant || *b.constant < 0 || *b.constant > 61) return bothConstant(type, a, b);
  AxisInfo power = AxisInfo::ofConstant(type, int64_t(1) << *b.constant);
  if (mlir::isa<mlir::arith::ShLIOp>(op)) return multiplyInfo(type, a, power);
  // A logical shift divides without signs, an arithmetic one rounds down.
  return divide(type, a, power, mlir::isa<mlir::arith::ShRUIOp>(op) ? Division::Unsigned : Division::Down);
}

/// Whether a comparison with a contiguous run on the left and `b` on the right is the same all over the run.
AxisInfo compare(mlir::arith::CmpIOp op, const AxisInfo& a, const AxisInfo& b) {
  AxisInfo info = bothConstant(op.getType(), a, b);
  int64_t half = halfOf(op.getLhs().getType());
  auto swapped = [&](bool swap) -> const AxisInfo& { return swap ? b : a; };
  CmpIPredicate predicate = op.getPredicate();
  using enum CmpIPredicate;
  for (bool swap : {false, true}) {
    const AxisInfo &line = swapped(swap), &limit = swapped(!swap);
    bool below = predicate == (swap ? sgt : slt) || predicate == (swap ? ugt : ult) ||
                 predicate == (swap ? sle : sge) || predicate == (swap ? ule : uge);
    bool through = predicate == (swap ? sge : sle) || predicate == (swap ? uge : ule) ||
                   predicate == (swap ? slt : sgt) || predicate == (swap ? ult : ugt);
    for (size_t d = 0; d < info.rank(); ++d) {
      // x < n changes at n, x <= n changes at n + 1.
      int64_t edge = below                       ? limit.divisorAt(d, 1)
                     : through && limit.constant ? powerIn(*limit.constant + 1)
                                                 : 1;
      int64_t run = std::min({line.contiguity[d], line.divisibility[d], limit.constancy[d], edge, half});
      info.constancy[d] = std::max(info.constancy[d], run);
    }
  }
  info.lower = 0;
  info.upper = 1;
  if (auto known = decide(op, a, b)) return AxisInfo::ofConstant(op.getType(), *known);
  return info;
}

AxisInfo select(mlir::arith::SelectOp op, const AxisInfo& condition, const AxisInfo& yes,
                const AxisInfo& no) {
  if (condition.constant) return *condition.constant ? yes : no;
  AxisInfo info = AxisInfo::join(yes, no);
  bool scalar = !mlir::isa<mlir::RankedTensorType>(op.getCondition().getType());
  if (scalar) return info;
  for (size_t d = 0; d < info.rank(); ++d) {
    int64_t run = std::min(info.contiguity[d], condition.constancy[d]);
    info.divisibility[d] = std::min(yes.divisorAt(d, run), no.divisorAt(d, run));
    info.contiguity[d] = run;
    info.constancy[d] = std::min(info.constancy[d], condition.constancy[d]);
  }
  return info;
}

AxisInfo extreme(mlir::Operation* op, const AxisInfo& a, const AxisInfo& b, bool smaller) {
  AxisInfo info = bothConstant(op->getResult(0).getType(), a, b);
  for (size_t d = 0; d < info.rank(); ++d)
    info.divisibility[d] = std::min(a.divisorAt(d, 1), b.divisorAt(d, 1));
  if (isBit(op->getResult(0).getType())) return info;
  bool natural = a.isNatural() && b.isNatural();
  if (natural || mlir::isa<mlir::arith::MinSIOp, mlir::arith::MaxSIOp>(op)) boundExtreme(info, a, b, smaller);
  return info;
}

AxisInfo pointerCast(mlir::Type from, mlir::Type to, const AxisInfo& value) {
  int64_t before = pointeeBytes(from);
  if (before == pointeeBytes(to)) return sameDims(to, value);
  AxisInfo info = value;
  for (size_t d = 0; d < info.rank(); ++d) {
    info.divisibility[d] = value.divisorAt(d, 1, before);
    info.contiguity[d] = 1;
  }
  return info;
}

bool fitsWord(mlir::Type type) {
  auto integer = mlir::dyn_cast<mlir::IntegerType>(elementType(type));
  return !integer || integer.getWidth() <= 64;
}

AxisInfo constant(mlir::arith::ConstantOp op) {
  if (!fitsWord(op.getType())) return AxisInfo::unknown(op.getType());
  if (auto integer = mlir::dyn_cast<mlir::IntegerAttr>(op.getValue()))
    return AxisInfo::ofConstant(op.getType(), signedValue(integer.getValue()));
  auto dense = mlir::dyn_cast<mlir::DenseIntElementsAttr>(op.getValue());
  if (dense && dense.isSplat())
    return AxisInfo::ofConstant(op.getType(), signedValue(dense.getSplatValue<llvm::APInt>()));
  return AxisInfo::unknown(op.getType());
}

/// Facts of a pointer's offset in 64 bits. Narrow offsets are widened like any number; of 32-bit ones
/// axis_info.h says why their runs stay whole.
AxisInfo offsetInfo(AddPtrOp op, const AxisInfo& offset) {
  mlir::Type type = op.getOffset().getType();
  if (elementBits(elementType(type)) >= 32) return offset;
  return castInfo(type, withElementType(type, mlir::IntegerType::get(op.getContext(), 64)), offset, false);
}

/// Both constant: the operation's value. Only what indices are made of.
Info constantResult(mlir::Operation* op, AxisOperands in) {
  if (in.size() != 2 || !in[0]->constant || !in[1]->constant) return std::nullopt;
  int64_t a = *in[0]->constant, b = *in[1]->constant, value = 0;
  mlir::Type type = op->getResult(0).getType();
  bool overflow = llvm::TypeSwitch<mlir::Operation*, bool>(op)
                      .Case([&](mlir::arith::AddIOp) { return __builtin_add_overflow(a, b, &value); })
                      .Case([&](mlir::arith::SubIOp) { return __builtin_sub_overflow(a, b, &value); })
                      .Case([&](mlir::arith::MulIOp) { return __builtin_mul_overflow(a, b, &value); })
                      .Default([](mlir::Operation*) { return true; });
  if (overflow || !fitsType(value, type)) return std::nullopt;
  return AxisInfo::ofConstant(type, value);
}

} // namespace

Info transferArith(mlir::Operation* op, AxisOperands in) {
  using namespace mlir::arith;
  if (Info known = constantResult(op, in)) return known;
  mlir::Type type = op->getNumResults() == 1 ? op->getResult(0).getType() : mlir::Type();
  return llvm::TypeSwitch<mlir::Operation*, Info>(op)
      .Case([&](ConstantOp constantOp) -> Info { return constant(constantOp); })
      .Case([&](AddPtrOp sum) -> Info {
        return add(type, *in[0], offsetInfo(sum, *in[1]), pointeeBytes(type), false);
      })
      .Case([&](AddIOp) -> Info {
        AxisInfo info = add(type, *in[0], *in[1], 1, false);
        boundSum(info, *in[0], *in[1], type);
        return sameDims(type, info);
      })
      .Case([&](SubIOp) -> Info {
        AxisInfo info = add(type, *in[0], *in[1], 1, true);
        boundDifference(info, *in[0], *in[1], type);
        return sameDims(type, info);
      })
      .Case([&](MulIOp) -> Info { return sameDims(type, multiplyInfo(type, *in[0], *in[1])); })
      .Case([&](DivSIOp) -> Info { return divide(type, *in[0], *in[1], Division::TowardZero); })
      .Case([&](DivUIOp) -> Info { return divide(type, *in[0], *in[1], Division::Unsigned); })
      .Case([&](RemSIOp) -> Info { return remainder(type, *in[0], *in[1], false); })
      .Case([&](RemUIOp) -> Info { return remainder(type, *in[0], *in[1], true); })
      .Case<AndIOp, OrIOp, XOrIOp>([&](auto bits) -> Info { return bitwise(bits, *in[0], *in[1]); })
      .Case<ShLIOp, ShRSIOp, ShRUIOp>(
          [&](auto bits) -> Info { return sameDims(type, shift(bits, *in[0], *in[1])); })
      .Case([&](CmpIOp comparison) -> Info { return compare(comparison, *in[0], *in[1]); })
      .Case([&](SelectOp choice) -> Info { return select(choice, *in[0], *in[1], *in[2]); })
      .Case<MinSIOp, MinUIOp>([&](auto) -> Info { return extreme(op, *in[0], *in[1], true); })
      .Case<MaxSIOp, MaxUIOp>([&](auto) -> Info { return extreme(op, *in[0], *in[1], false); })
      .Case<ExtSIOp, TruncIOp, IndexCastOp>(
          [&](auto cast) -> Info { return castInfo(cast.getIn().getType(), type, *in[0], false); })
      .Case<ExtUIOp, IndexCastUIOp>(
          [&](auto cast) -> Info { return castInfo(cast.getIn().getType(), type, *in[0], true); })
      .Case([&](tt::BitcastOp cast) -> Info { return pointerCast(cast.getSrc().getType(), type, *in[0]); })
      .Case([&](IntToPtrOp cast) -> Info { return pointerCast(cast.getSrc().getType(), type, *in[0]); })
      .Case([&](PtrToIntOp cast) -> Info { return pointerCast(cast.getSrc().getType(), type, *in[0]); })
      .Default([](mlir::Operation*) -> Info { return std::nullopt; });
}

} // namespace tuned::tt
