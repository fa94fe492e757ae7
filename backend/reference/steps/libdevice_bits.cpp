// Functions of libdevice on integers and on the bits of numbers.
#include "backend/reference/steps/libdevice.h"

#include <bit>

namespace tuned::reference {
namespace {

using Wide = __int128;

/// The operand as a number of unlimited size.
Wide number(Kind kind, uint64_t lane, bool isSigned) {
  return isSigned ? Wide{signedValue(kind, lane)} : Wide{lane};
}

template <typename F> Step onNumbers(const Operation& op, bool isSigned, F f) {
  Kind kind = op.operandTypes[0].kind, to = op.resultTypes[0].kind;
  return mapBinary(op, [=](uint64_t a, uint64_t b) {
    return static_cast<uint64_t>(f(number(kind, a, isSigned), number(kind, b, isSigned))) & mask(to);
  });
}

Step highProduct(const Operation& op, bool isSigned) {
  int bits = bitWidth(op.operandTypes[0].kind);
  if (isSigned) return onNumbers(op, true, [bits](Wide a, Wide b) { return (a * b) >> bits; });
  return onNumbers(op, false, [bits](Wide a, Wide b) {
    return static_cast<Wide>(static_cast<unsigned __int128>(a) * static_cast<unsigned __int128>(b) >> bits);
  });
}

Step product24(const Operation& op, bool isSigned) {
  return mapBinary(op, [isSigned](uint64_t a, uint64_t b) {
    auto low = [&](uint64_t x) {
      int64_t part = static_cast<int64_t>(x & 0xffffff);
      return isSigned && part >= 0x800000 ? part - 0x1000000 : part;
    };
    return static_cast<uint64_t>(low(a) * low(b)) & mask(Kind::I32);
  });
}

Step absoluteDifference(const Operation& op, bool isSigned) {
  return mapTernary(op, [isSigned](uint64_t a, uint64_t b, uint64_t c) {
    Wide x = number(Kind::I32, a, isSigned), y = number(Kind::I32, b, isSigned);
    return static_cast<uint64_t>((x > y ? x - y : y - x) + Wide{c}) & mask(Kind::I32);
  });
}

Step permutedBytes(const Operation& op) {
  return mapTernary(op, [](uint64_t x, uint64_t y, uint64_t selectors) {
    uint64_t result = 0;
    for (unsigned i = 0; i < 4; ++i) {
      unsigned pick = selectors >> (4 * i) & 7;
      uint64_t word = pick < 4 ? x : y;
      result |= (word >> (8 * (pick & 3)) & 0xff) << (8 * i);
    }
    return result;
  });
}

} // namespace

Step bitFunction(const Operation& op, const std::string& name) {
  if (name == "mulhi" || name == "mul64hi") return highProduct(op, true);
  if (name == "umulhi" || name == "umul64hi") return highProduct(op, false);
  if (name == "mul24" || name == "umul24") return product24(op, name == "mul24");
  if (name == "sad" || name == "usad") return absoluteDifference(op, name == "sad");
  if (name == "byte_perm") return permutedBytes(op);
  if (name == "hadd" || name == "uhadd")
    return onNumbers(op, name == "hadd", [](Wide a, Wide b) { return (a + b) >> 1; });
  if (name == "rhadd" || name == "urhadd")
    return onNumbers(op, name == "rhadd", [](Wide a, Wide b) { return (a + b + 1) >> 1; });
  if (name.find("_as_") != name.npos) return mapUnary(op, [](uint64_t a) { return a; });
  if (name == "double2loint") return mapUnary(op, [](uint64_t a) { return a & 0xffffffff; });
  if (name == "double2hiint") return mapUnary(op, [](uint64_t a) { return a >> 32; });
  if (name == "hiloint2double") return mapBinary(op, [](uint64_t a, uint64_t b) { return a << 32 | b; });
  if (name == "rcp64h")
    return mapUnary(op, [](uint64_t a) { return lane(1 / asDouble(a)) & 0xffffffff00000000; });
  return nullptr;
}

} // namespace tuned::reference
