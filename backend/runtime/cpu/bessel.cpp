#include "backend/runtime/cpu/bessel.h"

#include <cmath>
#include <limits>

namespace tuned::cpu {
namespace {

// The power series converges fast enough for |x| up to 40; beyond, the asymptotic one is exact to a rounding.
double besselI(int order, double x) {
  double magnitude = std::fabs(x), result;
  if (magnitude <= 40) {
    double term = order ? magnitude / 2 : 1, quarter = magnitude * magnitude / 4;
    result = term;
    for (int k = 1; k < 200 && term > result * 1e-17; ++k)
      result += term *= quarter / (double(k) * (k + order));
  } else {
    double term = 1, sum = 1, mu = 4.0 * order * order;
    for (int k = 1; k < 30; ++k) {
      double odd = 2 * k - 1;
      term *= -(mu - odd * odd) / (8 * magnitude * k);
      sum += term;
    }
    double half = std::exp(magnitude / 2);
    result = half * (half / std::sqrt(2 * M_PI * magnitude)) * sum;
    if (magnitude > 720) result = std::numeric_limits<double>::infinity();
  }
  return order && x < 0 ? -result : result;
}

} // namespace

double besselI0(double x) {
  return besselI(0, x);
}
double besselI1(double x) {
  return besselI(1, x);
}
double normalCdf(double x) {
  return std::erfc(-x * M_SQRT1_2) / 2;
}
double inverseNormalCdf(double x) {
  return -M_SQRT2 * inverseErfc(2 * x);
}

double inverseErf(double x) {
  if (!(std::fabs(x) < 1))
    return std::fabs(x) == 1 ? std::copysign(std::numeric_limits<double>::infinity(), x) : std::nan("");
  // Winitzki's estimate, then Halley's method on erf (on erfc near 1, where erf has no digits left).
  double l = std::log1p(-x * x), a = 0.147, b = 2 / (M_PI * a) + l / 2;
  double y = std::copysign(std::sqrt(std::sqrt(b * b - l / a) - b), x);
  for (int step = 0; step < 4; ++step) {
    double error = x > 0.5 ? (1 - x) - std::erfc(y) : std::erf(y) - x;
    double slope = M_2_SQRTPI * std::exp(-y * y), newton = error / slope;
    y -= newton / (1 + y * newton);
  }
  return y;
}

// Newton's method on the logarithm of erfc, which is nearly a parabola where erf has no digits left.
double inverseErfc(double y) {
  if (!(y > 0 && y < 2)) return y == 0 ? INFINITY : y == 2 ? -INFINITY : std::nan("");
  if (y > 1) return -inverseErfc(2 - y);
  double x = y < 0.01 ? std::sqrt(-std::log(y)) : inverseErf(1 - y);
  for (int step = 0; step < 8; ++step) {
    double there = std::erfc(x);
    x += std::log(there / y) * there / (M_2_SQRTPI * std::exp(-x * x));
  }
  return x;
}

} // namespace tuned::cpu
