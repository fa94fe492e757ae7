// Functions of libdevice that name their rounding: _rn, _rz (toward zero), _rd (down), _ru (up).
#include "backend/reference/steps/libdevice.h"

#include <cfenv>
#include <cmath>
#include <limits>

namespace tuned::reference {
namespace {

class Mode {
public:
  explicit Mode(int mode) : before_(std::fegetround()) { std::fesetround(mode); }
  ~Mode() { std::fesetround(before_); }
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

private:
  int before_;
};

/// Volatile operands and results keep the operation between the changes of mode.
template <typename T> T compute(char function, int mode, T first, T second, T third) {
  volatile T x = first, y = second, z = third, result = 0;
  Mode in(mode);
  switch (function) {
  case '+':
    result = x + y;
    break;
  case '-':
    result = x - y;
    break;
  case '*':
    result = x * y;
    break;
  case '/':
    result = x / y;
    break;
  case 'r':
    result = T{1} / x;
    break;
  case 's':
    result = std::sqrt(T(x));
    break;
  default:
    result = std::fma(T(x), T(y), T(z));
  }
  return result;
}

double wholeNumber(int mode, double value) {
  volatile double x = value;
  Mode in(mode);
  volatile double whole = std::nearbyint(double(x));
  return whole;
}

/// cvt's rule: the nearest integer beyond the range; NaN is 0, or the highest bit where 64 bits take part.
uint64_t toInteger(double value, Kind from, int bits, bool isSigned, int mode) {
  uint64_t ones = ~uint64_t{0} >> (64 - bits), top = uint64_t{1} << (bits - 1);
  if (std::isnan(value)) return from == Kind::F32 && bits == 32 ? 0 : top;
  double whole = wholeNumber(mode, value), limit = std::ldexp(1.0, isSigned ? bits - 1 : bits);
  if (whole >= limit) return isSigned ? top - 1 : ones;
  if (isSigned) return whole < -limit ? top : static_cast<uint64_t>(static_cast<int64_t>(whole)) & ones;
  return whole <= 0 ? 0 : static_cast<uint64_t>(whole);
}

template <typename T> uint64_t fromInteger(uint64_t bits, bool isSigned, int mode) {
  volatile int64_t asSigned = static_cast<int64_t>(bits);
  volatile uint64_t asUnsigned = bits;
  Mode in(mode);
  volatile T result = isSigned ? static_cast<T>(asSigned) : static_cast<T>(asUnsigned);
  return lane(T(result));
}

float narrowed(double value, int mode) {
  volatile double x = value;
  Mode in(mode);
  volatile float result = static_cast<float>(x);
  return result;
}

Step arithmetic(const Operation& op, char function, int mode) {
  size_t count = op.operands.size();
  bool wide = op.operandTypes[0].kind == Kind::F64;
  return [operands = op.operands, r = op.results[0], count, wide, function, mode](Frame& frame) {
    size_t lanes = frame[operands[0]].size();
    Lanes out(lanes);
    for (size_t i = 0; i < lanes; ++i) {
      uint64_t v[3] = {};
      for (size_t k = 0; k < count && k < 3; ++k)
        v[k] = frame[operands[k]][i];
      out[i] = wide ? lane(compute<double>(function, mode, asDouble(v[0]), asDouble(v[1]), asDouble(v[2])))
                    : lane(compute<float>(function, mode, asFloat(v[0]), asFloat(v[1]), asFloat(v[2])));
    }
    frame[r] = std::move(out);
  };
}

Step conversion(const Operation& op, const std::string& from, const std::string& to, int mode) {
  Kind kind = op.operandTypes[0].kind;
  if (from == "double" && to == "float")
    return mapUnary(op, [mode](uint64_t a) { return lane(narrowed(asDouble(a), mode)); });
  bool isSigned = from == "int" || from == "ll" || to == "int" || to == "ll";
  if (to == "float" || to == "double")
    return mapUnary(op, [kind, isSigned, mode, wide = to == "double"](uint64_t a) {
      uint64_t value = isSigned ? static_cast<uint64_t>(signedValue(kind, a)) : a;
      return wide ? fromInteger<double>(value, isSigned, mode) : fromInteger<float>(value, isSigned, mode);
    });
  return mapUnary(op, [kind, isSigned, mode, bits = bitWidth(op.resultTypes[0].kind)](uint64_t a) {
    return toInteger(toDouble(kind, a), kind, bits, isSigned, mode);
  });
}

} // namespace

Step roundedFunction(const Operation& op, const std::string& name) {
  size_t end = name.size();
  if (end < 4 || name[end - 3] != '_' || name[end - 2] != 'r') return nullptr;
  const std::map<char, int> modes = {
      {'n', FE_TONEAREST}, {'z', FE_TOWARDZERO}, {'d', FE_DOWNWARD}, {'u', FE_UPWARD}};
  auto mode = modes.find(name.back());
  if (mode == modes.end()) return nullptr;
  std::string base = name.substr(0, end - 3);
  if (size_t two = base.find('2'); two != std::string::npos)
    return conversion(op, base.substr(0, two), base.substr(two + 1), mode->second);
  const std::map<std::string, char> functions = {{"add", '+'}, {"sub", '-'}, {"mul", '*'},
                                                 {"div", '/'}, {"rcp", 'r'}, {"sqrt", 's'}};
  if (base == "fma" || base == "fmaf") return arithmetic(op, 'f', mode->second);
  auto function = functions.find(base.substr(1));
  return function == functions.end() ? nullptr : arithmetic(op, function->second, mode->second);
}

} // namespace tuned::reference
