// arith on integers: wraparound everywhere; what the machine leaves open is as NVIDIA's hardware has it.
#include "backend/reference/steps/map.h"

#include <bit>

namespace tuned::reference {
namespace {

/// f(a, b) on zero-extended lanes, cut to the kind's width.
template <typename F> Step unsignedOp(const Operation& op, F f) {
  return mapBinary(op, [f, m = mask(op.resultTypes[0].kind)](uint64_t a, uint64_t b) { return f(a, b) & m; });
}
/// f(a, b) on sign-extended numbers, cut to the kind's width.
template <typename F> Step signedOp(const Operation& op, F f) {
  Kind kind = op.resultTypes[0].kind;
  return mapBinary(op, [f, kind, m = mask(kind)](uint64_t a, uint64_t b) {
    return static_cast<uint64_t>(f(signedValue(kind, a), signedValue(kind, b))) & m;
  });
}

// A division by zero gives all ones, a remainder by zero the dividend; nothing traps.
int64_t divide(int64_t a, int64_t b) {
  if (b == 0) return -1;
  return b == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : a / b;
}
int64_t remainder(int64_t a, int64_t b) {
  return b == 0 ? a : b == -1 ? 0 : a % b;
}

template <typename F> Step compare(const Operation& op, F f) {
  Kind kind = op.operandTypes[0].kind;
  return mapBinary(op, [f, kind](uint64_t a, uint64_t b) -> uint64_t {
    return f(signedValue(kind, a), signedValue(kind, b));
  });
}
template <typename F> Step compareUnsigned(const Operation& op, F f) {
  return mapBinary(op, [f](uint64_t a, uint64_t b) -> uint64_t { return f(a, b); });
}

Step cmpi(const Operation& op) {
  switch (op.integer("predicate", 0)) {
  case 0:
    return compareUnsigned(op, [](auto a, auto b) { return a == b; });
  case 1:
    return compareUnsigned(op, [](auto a, auto b) { return a != b; });
  case 2:
    return compare(op, [](auto a, auto b) { return a < b; });
  case 3:
    return compare(op, [](auto a, auto b) { return a <= b; });
  case 4:
    return compare(op, [](auto a, auto b) { return a > b; });
  case 5:
    return compare(op, [](auto a, auto b) { return a >= b; });
  case 6:
    return compareUnsigned(op, [](auto a, auto b) { return a < b; });
  case 7:
    return compareUnsigned(op, [](auto a, auto b) { return a <= b; });
  case 8:
    return compareUnsigned(op, [](auto a, auto b) { return a > b; });
  default:
    return compareUnsigned(op, [](auto a, auto b) { return a >= b; });
  }
}

// Shifts by the width or more: zero, or all sign bits (PTX clamps the amount).
Step shli(const Operation& op) {
  auto width = static_cast<uint64_t>(bitWidth(op.resultTypes[0].kind));
  return unsignedOp(op, [width](uint64_t a, uint64_t b) { return b >= width ? 0 : a << b; });
}
Step shrui(const Operation& op) {
  auto width = static_cast<uint64_t>(bitWidth(op.resultTypes[0].kind));
  return unsignedOp(op, [width](uint64_t a, uint64_t b) { return b >= width ? 0 : a >> b; });
}
Step shrsi(const Operation& op) {
  Kind kind = op.resultTypes[0].kind;
  auto width = static_cast<uint64_t>(bitWidth(kind));
  return mapBinary(op, [kind, width](uint64_t a, uint64_t b) {
    return static_cast<uint64_t>(signedValue(kind, a) >> (b >= width ? width - 1 : b)) & mask(kind);
  });
}

uint64_t highUnsigned(uint64_t a, uint64_t b, int width) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> width);
}
Step mulhiui(const Operation& op) {
  int width = bitWidth(op.resultTypes[0].kind);
  return unsignedOp(op, [width](uint64_t a, uint64_t b) { return highUnsigned(a, b, width); });
}

/// Two results: the low and the high half of the product.
template <bool isSigned> Step mulExtended(const Operation& op) {
  Kind kind = op.operandTypes[0].kind;
  return [=, x = op.operands[0], y = op.operands[1], low = op.results[0],
          high = op.results[1]](Frame& frame) {
    const Lanes a = frame[x], b = frame[y];
    frame[low].resize(a.size());
    frame[high].resize(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      __int128 product = isSigned ? static_cast<__int128>(signedValue(kind, a[i])) * signedValue(kind, b[i])
                                  : static_cast<__int128>(static_cast<unsigned __int128>(a[i]) * b[i]);
      frame[low][i] = static_cast<uint64_t>(product) & mask(kind);
      frame[high][i] = static_cast<uint64_t>(product >> bitWidth(kind)) & mask(kind);
    }
  };
}
Step addExtended(const Operation& op) {
  Kind kind = op.operandTypes[0].kind;
  return
      [=, x = op.operands[0], y = op.operands[1], sum = op.results[0], carry = op.results[1]](Frame& frame) {
        const Lanes a = frame[x], b = frame[y];
        frame[sum].resize(a.size());
        frame[carry].resize(a.size());
        for (size_t i = 0; i < a.size(); ++i) {
          frame[sum][i] = (a[i] + b[i]) & mask(kind);
          frame[carry][i] = frame[sum][i] < a[i];
        }
      };
}

int64_t floorDivide(int64_t a, int64_t b) {
  int64_t q = divide(a, b);
  return b != 0 && remainder(a, b) != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
int64_t ceilDivide(int64_t a, int64_t b) {
  int64_t q = divide(a, b);
  return b != 0 && remainder(a, b) != 0 && (a < 0) == (b < 0) ? q + 1 : q;
}

Step absi(const Operation& op) {
  Kind kind = op.resultTypes[0].kind;
  return mapUnary(op, [kind](uint64_t a) { return (signedValue(kind, a) < 0 ? -a : a) & mask(kind); });
}
Step ctpop(const Operation& op) {
  return mapUnary(op, [](uint64_t a) { return static_cast<uint64_t>(std::popcount(a)); });
}
Step ctlz(const Operation& op) {
  int width = bitWidth(op.resultTypes[0].kind);
  return mapUnary(op,
                  [width](uint64_t a) { return static_cast<uint64_t>(std::countl_zero(a) - (64 - width)); });
}
Step cttz(const Operation& op) {
  int width = bitWidth(op.resultTypes[0].kind);
  return mapUnary(op, [width](uint64_t a) { return static_cast<uint64_t>(a ? std::countr_zero(a) : width); });
}

} // namespace

void addInteger(StepTable& t) {
  using Op = const Operation&;
  t["arith.addi"] = [](Op op) { return unsignedOp(op, [](uint64_t a, uint64_t b) { return a + b; }); };
  t["arith.subi"] = [](Op op) { return unsignedOp(op, [](uint64_t a, uint64_t b) { return a - b; }); };
  t["arith.muli"] = [](Op op) { return unsignedOp(op, [](uint64_t a, uint64_t b) { return a * b; }); };
  t["arith.andi"] = [](Op op) { return unsignedOp(op, [](uint64_t a, uint64_t b) { return a & b; }); };
  t["arith.ori"] = [](Op op) { return unsignedOp(op, [](uint64_t a, uint64_t b) { return a | b; }); };
  t["arith.xori"] = [](Op op) { return unsignedOp(op, [](uint64_t a, uint64_t b) { return a ^ b; }); };
  t["arith.divui"] = [](Op op) {
    return unsignedOp(op, [](uint64_t a, uint64_t b) { return b ? a / b : ~0ull; });
  };
  t["arith.remui"] = [](Op op) {
    return unsignedOp(op, [](uint64_t a, uint64_t b) { return b ? a % b : a; });
  };
  t["arith.ceildivui"] = [](Op op) {
    return unsignedOp(op, [](uint64_t a, uint64_t b) { return b ? a / b + (a % b != 0) : ~0ull; });
  };
  t["arith.divsi"] = [](Op op) { return signedOp(op, divide); };
  t["arith.remsi"] = [](Op op) { return signedOp(op, remainder); };
  t["arith.floordivsi"] = [](Op op) { return signedOp(op, floorDivide); };
  t["arith.ceildivsi"] = [](Op op) { return signedOp(op, ceilDivide); };
  t["arith.maxsi"] = [](Op op) { return signedOp(op, [](int64_t a, int64_t b) { return a > b ? a : b; }); };
  t["arith.minsi"] = [](Op op) { return signedOp(op, [](int64_t a, int64_t b) { return a < b ? a : b; }); };
  t["arith.maxui"] = [](Op op) {
    return unsignedOp(op, [](uint64_t a, uint64_t b) { return a > b ? a : b; });
  };
  t["arith.minui"] = [](Op op) {
    return unsignedOp(op, [](uint64_t a, uint64_t b) { return a < b ? a : b; });
  };
  t["arith.shli"] = shli;
  t["arith.shrui"] = shrui;
  t["arith.shrsi"] = shrsi;
  t["arith.cmpi"] = cmpi;
  t["arith.mului_extended"] = mulExtended<false>;
  t["arith.mulsi_extended"] = mulExtended<true>;
  t["arith.addui_extended"] = addExtended;
  t["tt.mulhiui"] = mulhiui;
  t["math.absi"] = absi;
  t["math.ctpop"] = ctpop;
  t["math.ctlz"] = ctlz;
  t["math.cttz"] = cttz;
}

} // namespace tuned::reference
