// Conversions between kinds, and constants.
#include "backend/reference/steps/map.h"

#include <cmath>
#include <type_traits>

namespace tuned::reference {
namespace {

Step copyLanes(const Operation& op) {
  return [x = op.operands[0], r = op.results[0]](Frame& frame) { frame[r] = frame[x]; };
}
Step truncate(const Operation& op) {
  return mapUnary(op, [m = mask(op.resultTypes[0].kind)](uint64_t a) { return a & m; });
}
Step signExtend(const Operation& op) {
  Kind from = op.operandTypes[0].kind, to = op.resultTypes[0].kind;
  return mapUnary(op,
                  [from, to](uint64_t a) { return static_cast<uint64_t>(signedValue(from, a)) & mask(to); });
}

/// One rounding, from the integer itself. 64-bit integers do not fit double: on the way to fewer digits, what
/// a double does not hold becomes one bit that says whether there was any.
template <typename Integer> uint64_t fromInteger(Kind to, Integer value) {
  if (to == Kind::F32) return lane(static_cast<float>(value));
  constexpr Integer exact = Integer{1} << 53;
  bool wide = value >= exact || (std::is_signed_v<Integer> && value <= -exact);
  if (to != Kind::F64 && wide) {
    Integer upper = value >> 11, rest = value & 0x7ff;
    value = static_cast<Integer>((upper | static_cast<Integer>(rest != 0)) * 2048);
  }
  return fromDouble(to, static_cast<double>(value));
}
Step sitofp(const Operation& op) {
  Kind from = op.operandTypes[0].kind, to = op.resultTypes[0].kind;
  return mapUnary(op, [from, to](uint64_t a) { return fromInteger(to, signedValue(from, a)); });
}
Step uitofp(const Operation& op) {
  return mapUnary(op, [to = op.resultTypes[0].kind](uint64_t a) { return fromInteger(to, a); });
}

/// Toward zero. Beyond the range the nearest integer of at least 32 bits, NaN zero, as cvt.rzi has it;
/// narrower results are its low bits.
Step fptosi(const Operation& op) {
  Kind from = op.operandTypes[0].kind, to = op.resultTypes[0].kind;
  double limit = to == Kind::I64 ? 0x1p63 : 0x1p31;
  return mapUnary(op, [=](uint64_t a) -> uint64_t {
    double value = std::trunc(toDouble(from, a));
    if (std::isnan(value)) return 0;
    int64_t largest = to == Kind::I64 ? INT64_MAX : INT32_MAX,
            smallest = to == Kind::I64 ? INT64_MIN : INT32_MIN;
    int64_t integer = value >= limit ? largest : value < -limit ? smallest : static_cast<int64_t>(value);
    return static_cast<uint64_t>(integer) & mask(to);
  });
}
Step fptoui(const Operation& op) {
  Kind from = op.operandTypes[0].kind, to = op.resultTypes[0].kind;
  double limit = to == Kind::I64 ? 0x1p64 : 0x1p32;
  return mapUnary(op, [=](uint64_t a) -> uint64_t {
    double value = std::trunc(toDouble(from, a));
    if (!(value > 0)) return 0;
    uint64_t largest = to == Kind::I64 ? UINT64_MAX : UINT32_MAX;
    return (value >= limit ? largest : static_cast<uint64_t>(value)) & mask(to);
  });
}

Step convertFloat(const Operation& op, Rounding rounding, bool saturate) {
  Kind from = op.operandTypes[0].kind, to = op.resultTypes[0].kind;
  return mapUnary(op, [=](uint64_t a) { return fromDouble(to, toDouble(from, a), rounding, saturate); });
}
Step floatCast(const Operation& op) {
  return convertFloat(op, Rounding::NearestEven, false);
}

/// Conversions to 8-bit floats saturate when they round to nearest (cvt.rn.satfinite), so that infinity
/// becomes the largest number. Toward zero f8E5M2 is the upper byte of f16 and keeps infinity; f8E4M3FN has
/// none.
Step fpToFp(const Operation& op) {
  bool towardZero = op.has("rounding") && op.integer("rounding", 1) == 0;
  Kind to = op.resultTypes[0].kind;
  bool narrow = byteWidth(to) == 1;
  if (towardZero) return convertFloat(op, Rounding::TowardZero, to == Kind::F8E4M3FN);
  return convertFloat(op, Rounding::NearestEven, narrow);
}

Step constant(const Operation& op) {
  Lanes lanes = op.constant;
  if (lanes.size() == 1) lanes.resize(op.resultTypes[0].elements(), lanes[0]);
  return [lanes, r = op.results[0]](Frame& frame) { frame[r] = lanes; };
}
Step poison(const Operation& op) {
  return [n = op.resultTypes[0].elements(), r = op.results[0]](Frame& frame) { frame[r].assign(n, 0); };
}

/// The condition may be one scalar for whole tensors.
Step select(const Operation& op) {
  bool scalar = !op.operandTypes[0].isTensor && op.operandTypes[1].isTensor;
  bool whole = scalar || !op.operandTypes[1].block.empty();
  if (!whole) return mapTernary(op, [](uint64_t c, uint64_t a, uint64_t b) { return c ? a : b; });
  return [c = op.operands[0], a = op.operands[1], b = op.operands[2], r = op.results[0]](Frame& frame) {
    frame[r] = frame[c][0] ? frame[a] : frame[b];
  };
}

} // namespace

void addCasts(StepTable& t) {
  t["arith.constant"] = constant;
  t["ub.poison"] = poison;
  t["llvm.mlir.undef"] = t["llvm.mlir.poison"] = t["llvm.mlir.zero"] = poison;
  t["arith.select"] = select;
  t["arith.trunci"] = truncate;
  t["arith.extui"] = copyLanes;
  t["arith.extsi"] = t["arith.index_cast"] = signExtend;
  t["arith.index_castui"] = truncate;
  t["arith.sitofp"] = sitofp;
  t["arith.uitofp"] = uitofp;
  t["arith.fptosi"] = fptosi;
  t["arith.fptoui"] = fptoui;
  t["arith.truncf"] = t["arith.extf"] = floatCast;
  t["arith.bitcast"] = t["tt.bitcast"] = copyLanes;
  t["tt.int_to_ptr"] = copyLanes;
  t["tt.ptr_to_int"] = truncate;
  t["tt.fp_to_fp"] = fpToFp;
}

} // namespace tuned::reference
