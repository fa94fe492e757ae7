#include "backend/runtime/cpu/libdevice.h"

#include "backend/runtime/cpu/bessel.h"

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace tuned::cpu {
namespace {

using Symbols = std::map<std::string, const void*>;

template <typename Function> void add(Symbols& symbols, const std::string& name, Function function) {
  symbols["__nv_" + name] = reinterpret_cast<const void*>(+function);
}

constexpr int kModes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
constexpr const char* kSuffixes[] = {"_rn", "_rz", "_rd", "_ru"};

/// f() under a rounding mode. Its operands and its result must be volatile, so that nothing moves out.
template <int mode, typename F> auto rounded(F f) {
  int before = std::fegetround();
  std::fesetround(mode);
  auto result = f();
  std::fesetround(before);
  return result;
}

template <int mode, typename T> T addRounded(T x, T y) {
  volatile T a = x, b = y;
  return rounded<mode>([&] {
    volatile T r = a + b;
    return r;
  });
}
template <int mode, typename T> T subRounded(T x, T y) {
  volatile T a = x, b = y;
  return rounded<mode>([&] {
    volatile T r = a - b;
    return r;
  });
}
template <int mode, typename T> T mulRounded(T x, T y) {
  volatile T a = x, b = y;
  return rounded<mode>([&] {
    volatile T r = a * b;
    return r;
  });
}
template <int mode, typename T> T divRounded(T x, T y) {
  volatile T a = x, b = y;
  return rounded<mode>([&] {
    volatile T r = a / b;
    return r;
  });
}
template <int mode, typename T> T rcpRounded(T x) {
  return divRounded<mode, T>(1, x);
}
template <int mode, typename T> T sqrtRounded(T x) {
  volatile T a = x;
  return rounded<mode>([&] {
    volatile T r = std::sqrt(T(a));
    return r;
  });
}
template <int mode, typename T> T fmaRounded(T x, T y, T z) {
  volatile T a = x, b = y, c = z;
  return rounded<mode>([&] {
    volatile T r = std::fma(T(a), T(b), T(c));
    return r;
  });
}
template <int mode, typename To, typename From> To convertRounded(From x) {
  volatile From a = x;
  return rounded<mode>([&] {
    volatile To r = static_cast<To>(a);
    return r;
  });
}

/// As cvt has it: the nearest integer beyond the range; NaN is 0, or the highest bit where 64 bits take part.
template <int mode, typename To, typename From> To integerRounded(From x) {
  if (std::isnan(x)) return sizeof(From) + sizeof(To) == 8 ? To{0} : To(To{1} << (8 * sizeof(To) - 1));
  From whole = rounded<mode>([&] {
    volatile From a = x;
    volatile From r = std::nearbyint(From(a));
    return r;
  });
  constexpr auto lowest = std::numeric_limits<To>::min(), highest = std::numeric_limits<To>::max();
  if (whole <= From(lowest)) return lowest;
  return whole >= From(highest) ? highest : static_cast<To>(whole);
}

template <int index, typename T> void addArithmetic(Symbols& s) {
  constexpr int mode = kModes[index];
  std::string letter = sizeof(T) == 4 ? "f" : "d", suffix = kSuffixes[index];
  add(s, letter + "add" + suffix, addRounded<mode, T>);
  add(s, letter + "sub" + suffix, subRounded<mode, T>);
  add(s, letter + "mul" + suffix, mulRounded<mode, T>);
  add(s, letter + "div" + suffix, divRounded<mode, T>);
  add(s, letter + "rcp" + suffix, rcpRounded<mode, T>);
  add(s, letter + "sqrt" + suffix, sqrtRounded<mode, T>);
  add(s, std::string(sizeof(T) == 4 ? "fmaf" : "fma") + suffix, fmaRounded<mode, T>);
  std::string type = sizeof(T) == 4 ? "float" : "double";
  add(s, type + "2int" + suffix, integerRounded<mode, int32_t, T>);
  add(s, type + "2uint" + suffix, integerRounded<mode, uint32_t, T>);
  add(s, type + "2ll" + suffix, integerRounded<mode, int64_t, T>);
  add(s, type + "2ull" + suffix, integerRounded<mode, uint64_t, T>);
  add(s, "int2" + type + suffix, convertRounded<mode, T, int32_t>);
  add(s, "uint2" + type + suffix, convertRounded<mode, T, uint32_t>);
  add(s, "ll2" + type + suffix, convertRounded<mode, T, int64_t>);
  add(s, "ull2" + type + suffix, convertRounded<mode, T, uint64_t>);
}

template <int index> void addMode(Symbols& s) {
  addArithmetic<index, float>(s);
  addArithmetic<index, double>(s);
  add(s, std::string("double2float") + kSuffixes[index], convertRounded<kModes[index], float, double>);
}

template <typename T> T reversed(T x) {
  T result = 0;
  for (size_t bit = 0; bit < 8 * sizeof(T); ++bit)
    result |= T((x >> bit & 1) << (8 * sizeof(T) - 1 - bit));
  return result;
}

/// Selector nibbles pick bytes of y:x; only their low three bits count.
uint32_t permuteBytes(uint32_t x, uint32_t y, uint32_t selectors) {
  uint64_t all = uint64_t{y} << 32 | x;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i)
    result |= uint32_t(all >> 8 * (selectors >> 4 * i & 7) & 0xff) << 8 * i;
  return result;
}

int32_t low24(int32_t x) {
  return int32_t(uint32_t(x) << 8) >> 8;
}

void addIntegers(Symbols& s) {
  add(s, "clz", [](uint32_t x) -> int32_t { return std::countl_zero(x); });
  add(s, "clzll", [](uint64_t x) -> int32_t { return std::countl_zero(x); });
  add(s, "popc", [](uint32_t x) -> int32_t { return std::popcount(x); });
  add(s, "popcll", [](uint64_t x) -> int32_t { return std::popcount(x); });
  add(s, "ffs", [](uint32_t x) -> int32_t { return x ? std::countr_zero(x) + 1 : 0; });
  add(s, "ffsll", [](uint64_t x) -> int32_t { return x ? std::countr_zero(x) + 1 : 0; });
  add(s, "brev", reversed<uint32_t>);
  add(s, "brevll", reversed<uint64_t>);
  add(s, "byte_perm", permuteBytes);
  add(s, "abs", [](int32_t x) -> uint32_t { return x < 0 ? 0 - uint32_t(x) : uint32_t(x); });
  add(s, "llabs", [](int64_t x) -> uint64_t { return x < 0 ? 0 - uint64_t(x) : uint64_t(x); });
  add(s, "mulhi", [](int32_t x, int32_t y) -> int32_t { return int32_t(int64_t{x} * y >> 32); });
  add(s, "umulhi", [](uint32_t x, uint32_t y) -> uint32_t { return uint32_t(uint64_t{x} * y >> 32); });
  add(s, "mul64hi", [](int64_t x, int64_t y) -> int64_t { return int64_t(__int128{x} * y >> 64); });
  add(s, "umul64hi", [](uint64_t x, uint64_t y) -> uint64_t {
    return uint64_t(static_cast<unsigned __int128>(x) * y >> 64);
  });
  add(s, "mul24", [](int32_t x, int32_t y) -> uint32_t { return uint32_t(low24(x)) * uint32_t(low24(y)); });
  add(s, "umul24", [](uint32_t x, uint32_t y) -> uint32_t { return (x & 0xffffff) * (y & 0xffffff); });
  add(s, "sad", [](int32_t x, int32_t y, uint32_t z) -> uint32_t {
    return (x > y ? uint32_t(x) - uint32_t(y) : uint32_t(y) - uint32_t(x)) + z;
  });
  add(s, "usad", [](uint32_t x, uint32_t y, uint32_t z) -> uint32_t { return (x > y ? x - y : y - x) + z; });
  add(s, "hadd", [](int32_t x, int32_t y) -> int32_t { return int32_t((int64_t{x} + y) >> 1); });
  add(s, "rhadd", [](int32_t x, int32_t y) -> int32_t { return int32_t((int64_t{x} + y + 1) >> 1); });
  add(s, "uhadd", [](uint32_t x, uint32_t y) -> uint32_t { return uint32_t((uint64_t{x} + y) >> 1); });
  add(s, "urhadd", [](uint32_t x, uint32_t y) -> uint32_t { return uint32_t((uint64_t{x} + y + 1) >> 1); });
}

void addBits(Symbols& s) {
  for (const char* name : {"int_as_float", "uint_as_float"})
    add(s, name, [](uint32_t x) -> float { return std::bit_cast<float>(x); });
  for (const char* name : {"float_as_int", "float_as_uint"})
    add(s, name, [](float x) -> uint32_t { return std::bit_cast<uint32_t>(x); });
  add(s, "longlong_as_double", [](uint64_t x) -> double { return std::bit_cast<double>(x); });
  add(s, "double_as_longlong", [](double x) -> uint64_t { return std::bit_cast<uint64_t>(x); });
  add(s, "double2loint", [](double x) -> uint32_t { return uint32_t(std::bit_cast<uint64_t>(x)); });
  add(s, "double2hiint", [](double x) -> uint32_t { return uint32_t(std::bit_cast<uint64_t>(x) >> 32); });
  add(s, "hiloint2double", [](uint32_t high, uint32_t low) -> double {
    return std::bit_cast<double>(uint64_t{high} << 32 | low);
  });
  add(s, "rcp64h", [](double x) -> double { // the high word of the reciprocal
    return std::bit_cast<double>(std::bit_cast<uint64_t>(1 / x) >> 32 << 32);
  });
}

double sinPi(double x) {
  double turn = std::fmod(x, 2);
  return turn == std::trunc(turn) ? std::copysign(0.0, x) : std::sin(std::numbers::pi * turn);
}
double cosPi(double x) {
  double turn = std::fabs(std::fmod(x, 2));
  return turn == 0.5 || turn == 1.5 ? 0.0 : std::cos(std::numbers::pi * turn);
}
double scaledErfc(double x) {
  return x < 25 ? std::exp(x * x) * std::erfc(x) : std::numbers::inv_sqrtpi / x;
}
template <typename T> void addFunctions(Symbols& s, const std::string& f) {
  add(s, "sinpi" + f, [](T x) -> T { return T(sinPi(x)); });
  add(s, "cospi" + f, [](T x) -> T { return T(cosPi(x)); });
  add(s, "erfcx" + f, [](T x) -> T { return T(scaledErfc(x)); });
  add(s, "erfcinv" + f, [](T x) -> T { return T(inverseErfc(x)); });
  add(s, "rcbrt" + f, [](T x) -> T { return T(1 / std::cbrt(double(x))); });
  add(s, "rhypot" + f, [](T x, T y) -> T { return T(1 / std::hypot(double(x), double(y))); });
  add(s, "norm3d" + f, [](T x, T y, T z) -> T { return T(std::hypot(double(x), double(y), double(z))); });
  add(s, "rnorm3d" + f,
      [](T x, T y, T z) -> T { return T(1 / std::hypot(double(x), double(y), double(z))); });
  add(s, "norm4d" + f, [](T x, T y, T z, T w) -> T {
    return T(std::hypot(std::hypot(double(x), double(y)), std::hypot(double(z), double(w))));
  });
  add(s, "rnorm4d" + f, [](T x, T y, T z, T w) -> T {
    return T(1 / std::hypot(std::hypot(double(x), double(y)), std::hypot(double(z), double(w))));
  });
  add(s, "jn" + f, [](int32_t n, T x) -> T { return T(::jn(n, double(x))); });
  add(s, "yn" + f, [](int32_t n, T x) -> T { return T(::yn(n, double(x))); });
  add(s, "powi" + f, [](T x, int32_t n) -> T { return T(std::pow(double(x), n)); });
  for (const char* name : {"ldexp", "scalbn"})
    add(s, name + f, [](T x, int32_t n) -> T { return std::ldexp(x, n); });
  add(s, "ilogb" + f, [](T x) -> int32_t { return std::isnan(x) || x == 0 ? INT32_MIN : std::ilogb(x); });
  add(s, "llrint" + f, [](T x) -> int64_t { return integerRounded<FE_TONEAREST, int64_t>(x); });
  add(s, "llround" + f, [](T x) -> int64_t { return integerRounded<FE_TONEAREST, int64_t>(std::round(x)); });
  std::string d = f.empty() ? "d" : "f";
  add(s, "isnan" + d, [](T x) -> int32_t { return std::isnan(x); });
  add(s, "isinf" + d, [](T x) -> int32_t { return std::isinf(x); });
  add(s, f.empty() ? "isfinited" : "finitef", [](T x) -> int32_t { return std::isfinite(x); });
  add(s, "signbit" + d, [](T x) -> int32_t { return std::signbit(x); });
}

Symbols makeSymbols() {
  Symbols s;
  addMode<0>(s);
  addMode<1>(s);
  addMode<2>(s);
  addMode<3>(s);
  addIntegers(s);
  addBits(s);
  addFunctions<float>(s, "f");
  addFunctions<double>(s, "");
  add(s, "frsqrt_rn", [](float x) -> float { return float(1 / std::sqrt(double(x))); });
  add(s, "saturatef", [](float x) -> float { return x > 0 ? std::fmin(x, 1.0f) : 0.0f; });
  add(s, "fast_fdividef", [](float x, float y) -> float { return x / y; });
  return s;
}

} // namespace

const Symbols& libdeviceSymbols() {
  static const Symbols symbols = makeSymbols();
  return symbols;
}

} // namespace tuned::cpu
