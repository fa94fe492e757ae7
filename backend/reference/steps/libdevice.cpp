// tt.extern_elementwise: the functions of libdevice by their CUDA names, through libm in double.
#include "backend/reference/steps/libdevice.h"

#include <cmath>

namespace tuned::reference {
namespace {

using Unary = double (*)(double);
using Binary = double (*)(double, double);

/// std::cyl_bessel_i throws where it does not converge, far beyond the end of double.
double besselI(double order, double x) {
  return std::fabs(x) > 720 ? INFINITY : std::cyl_bessel_i(order, std::fabs(x));
}
double besselI0(double x) {
  return besselI(0, x);
}
double besselI1(double x) {
  return std::copysign(besselI(1, x), x);
}
double normalCdf(double x) {
  return 0.5 * std::erfc(-x * M_SQRT1_2);
}
double scaledErfc(double x) {
  return x < 25 ? std::exp(x * x) * std::erfc(x) : 1 / (x * std::sqrt(M_PI));
}
/// erfc's inverse by bisection: erfc falls over all of double's digits.
double inverseErfc(double y) {
  if (!(y > 0 && y < 2)) return y == 0 ? INFINITY : y == 2 ? -INFINITY : std::nan("");
  double low = -6, high = 28;
  for (int step = 0; step < 200 && low < high; ++step) {
    double middle = (low + high) / 2;
    (std::erfc(middle) > y ? low : high) = middle;
  }
  return (low + high) / 2;
}
double inverseErf(double x) {
  if (!(std::fabs(x) < 1)) return std::fabs(x) == 1 ? std::copysign(INFINITY, x) : std::nan("");
  if (std::fabs(x) > 0.5) return std::copysign(inverseErfc(1 - std::fabs(x)), x);
  if (std::fabs(x) < 1e-9) return x * std::sqrt(M_PI) / 2; // the next term is x cubed
  double low = 0, high = 1;
  for (int step = 0; step < 200 && low < high; ++step) {
    double middle = (low + high) / 2;
    (std::erf(middle) < std::fabs(x) ? low : high) = middle;
  }
  return std::copysign(high, x);
}
double inverseNormalCdf(double x) {
  return -M_SQRT2 * inverseErfc(2 * x);
}
double sinPi(double x) {
  double turn = std::fmod(x, 2);
  return turn == std::trunc(turn) ? std::copysign(0.0, x) : std::sin(M_PI * turn);
}
double cosPi(double x) {
  double turn = std::fabs(std::fmod(x, 2));
  return turn == 0.5 || turn == 1.5 ? 0.0 : std::cos(M_PI * turn);
}

/// Names without "__nv_" and the "f" of the f32 versions.
const std::map<std::string, Unary>& unaryFunctions() {
  static const std::map<std::string, Unary> functions = {
      {"sin", std::sin},
      {"cos", std::cos},
      {"tan", std::tan},
      {"asin", std::asin},
      {"acos", std::acos},
      {"atan", std::atan},
      {"sinh", std::sinh},
      {"cosh", std::cosh},
      {"tanh", std::tanh},
      {"asinh", std::asinh},
      {"acosh", std::acosh},
      {"atanh", std::atanh},
      {"exp", std::exp},
      {"exp2", std::exp2},
      {"expm1", std::expm1},
      {"exp10", [](double x) { return std::pow(10.0, x); }},
      {"log", std::log},
      {"log2", std::log2},
      {"log10", std::log10},
      {"log1p", std::log1p},
      {"logb", std::logb},
      {"sqrt", std::sqrt},
      {"cbrt", std::cbrt},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
      {"rcbrt", [](double x) { return 1 / std::cbrt(x); }},
      {"erf", std::erf},
      {"erfc", std::erfc},
      {"erfcx", scaledErfc},
      {"erfinv", inverseErf},
      {"erfcinv", inverseErfc},
      {"normcdf", normalCdf},
      {"normcdfinv", inverseNormalCdf},
      {"tgamma", std::tgamma},
      {"lgamma", std::lgamma},
      {"j0", ::j0},
      {"j1", ::j1},
      {"y0", ::y0},
      {"y1", ::y1},
      {"cyl_bessel_i0", besselI0},
      {"cyl_bessel_i1", besselI1},
      {"sinpi", sinPi},
      {"cospi", cosPi},
      {"floor", std::floor},
      {"ceil", std::ceil},
      {"trunc", std::trunc},
      {"round", std::round},
      {"rint", std::nearbyint},
      {"nearbyint", std::nearbyint},
      {"fabs", std::fabs},
      {"fast_sin", std::sin},
      {"fast_cos", std::cos},
      {"fast_tan", std::tan},
      {"fast_exp", std::exp},
      {"fast_exp10", [](double x) { return std::pow(10.0, x); }},
      {"fast_log", std::log},
      {"fast_log2", std::log2},
      {"fast_log10", std::log10},
      {"saturate", [](double x) { return x > 0 ? std::fmin(x, 1.0) : 0.0; }},
  };
  return functions;
}

const std::map<std::string, Binary>& binaryFunctions() {
  static const std::map<std::string, Binary> functions = {
      {"pow", std::pow},
      {"fast_pow", std::pow},
      {"atan2", std::atan2},
      {"fmod", std::fmod},
      {"remainder", std::remainder},
      {"hypot", std::hypot},
      {"rhypot", [](double x, double y) { return 1 / std::hypot(x, y); }},
      {"copysign", std::copysign},
      {"fdim", std::fdim},
      {"fmax", std::fmax},
      {"fmin", std::fmin},
      {"fast_fdivide", [](double x, double y) { return x / y; }},
      {"nextafter", nullptr}, // by kind, below
  };
  return functions;
}

/// The length of the vector of all operands, or one over it.
Step norm(const Operation& op, bool reciprocal) {
  return
      [operands = op.operands, r = op.results[0], kind = op.operandTypes[0].kind, reciprocal](Frame& frame) {
        Lanes out(frame[operands[0]].size());
        for (size_t i = 0; i < out.size(); ++i) {
          double length = 0;
          for (int operand : operands)
            length = std::hypot(length, toDouble(kind, frame[operand][i]));
          out[i] = fromDouble(kind, reciprocal ? 1 / length : length);
        }
        frame[r] = std::move(out);
      };
}

/// Functions whose operand or result is an integer, or that work on bits.
Step special(const Operation& op, const std::string& name) {
  Kind kind = op.operandTypes[0].kind;
  int width = bitWidth(kind);
  if (name == "popc" || name == "popcll") return stepTable().at("math.ctpop")(op);
  if (name == "clz" || name == "clzll")
    return mapUnary(
        op, [width](uint64_t a) { return static_cast<uint64_t>(std::countl_zero(a) - (64 - width)); });
  if (name == "ffs" || name == "ffsll")
    return mapUnary(op, [](uint64_t a) { return static_cast<uint64_t>(a ? std::countr_zero(a) + 1 : 0); });
  if (name == "brev" || name == "brevll")
    return mapUnary(op, [width](uint64_t a) {
      uint64_t reversed = 0;
      for (int i = 0; i < width; ++i)
        reversed |= (a >> i & 1) << (width - 1 - i);
      return reversed;
    });
  if (name == "abs" || name == "llabs") return stepTable().at("math.absi")(op);
  if (name == "isnan" || name == "isnand")
    return mapUnary(op, [kind](uint64_t a) -> uint64_t { return std::isnan(toDouble(kind, a)); });
  if (name == "isinf" || name == "isinfd")
    return mapUnary(op, [kind](uint64_t a) -> uint64_t { return std::isinf(toDouble(kind, a)); });
  if (name == "finite" || name == "isfinited")
    return mapUnary(op, [kind](uint64_t a) -> uint64_t { return std::isfinite(toDouble(kind, a)); });
  if (name == "signbit" || name == "signbitd")
    return mapUnary(op, [width](uint64_t a) { return a >> (width - 1) & 1; });
  if (name == "frsqrt_rn") return throughDouble(op, [](double x) { return 1 / std::sqrt(x); });
  if (name == "jn" || name == "yn")
    return mapBinary(op, [to = op.resultTypes[0].kind, first = name == "jn"](uint64_t n, uint64_t x) {
      auto order = static_cast<int>(signedValue(Kind::I32, n));
      double at = toDouble(to, x);
      return fromDouble(to, first ? ::jn(order, at) : ::yn(order, at));
    });
  if (name.ends_with("norm3d") || name.ends_with("norm4d")) return norm(op, name.starts_with("r"));
  if (name == "fma") return stepTable().at("math.fma")(op);
  if (name == "nextafter")
    return mapBinary(op, [kind](uint64_t a, uint64_t b) {
      return kind == Kind::F64 ? lane(std::nextafter(asDouble(a), asDouble(b)))
                               : lane(std::nextafter(asFloat(a), asFloat(b)));
    });
  if (name == "ldexp" || name == "scalbn" || name == "powi")
    return mapBinary(op, [kind, power = name == "powi"](uint64_t a, uint64_t n) {
      auto count = static_cast<int>(signedValue(Kind::I32, n));
      double x = toDouble(kind, a);
      return fromDouble(kind, power ? std::pow(x, count) : std::ldexp(x, count));
    });
  if (name == "ilogb")
    return mapUnary(op, [kind](uint64_t a) {
      return static_cast<uint64_t>(std::ilogb(toDouble(kind, a))) & mask(Kind::I32);
    });
  if (name == "llrint" || name == "llround")
    return mapUnary(op, [kind, away = name == "llround"](uint64_t a) {
      double x = toDouble(kind, a), whole = away ? std::round(x) : std::nearbyint(x);
      if (std::isnan(x)) return uint64_t{1} << 63;
      if (whole >= 0x1p63) return static_cast<uint64_t>(INT64_MAX);
      return static_cast<uint64_t>(whole < -0x1p63 ? INT64_MIN : static_cast<int64_t>(whole));
    });
  if (Step step = roundedFunction(op, name)) return step;
  if (Step step = bitFunction(op, name)) return step;
  unsupported(op, "the library function " + op.text("symbol"));
}

Step libraryCall(const Operation& op) {
  std::string name = op.text("symbol");
  if (name.starts_with("__nv_")) name = name.substr(5);
  auto known = [](const std::string& n) {
    return unaryFunctions().contains(n) || binaryFunctions().contains(n);
  };
  bool single = op.operandTypes[0].kind == Kind::F32 || op.resultTypes[0].kind == Kind::F32;
  if (!known(name) && name.ends_with("f") && single) name.pop_back();
  if (auto found = unaryFunctions().find(name); found != unaryFunctions().end() && op.operands.size() == 1)
    return throughDouble(op, found->second);
  if (auto found = binaryFunctions().find(name); found != binaryFunctions().end() && found->second)
    return throughDouble2(op, found->second);
  return special(op, name);
}

} // namespace

void addLibdevice(StepTable& t) {
  t["tt.extern_elementwise"] = libraryCall;
}

} // namespace tuned::reference
