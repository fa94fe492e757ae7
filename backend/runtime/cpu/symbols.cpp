#include "backend/runtime/cpu/symbols.h"

#include "backend/runtime/cpu/bessel.h"
#include "backend/runtime/cpu/libdevice.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace tuned::cpu {
namespace {

thread_local LaunchState* current = nullptr;

// Bytes after which the rest of a launch's output is dropped, as a GPU's buffer would.
constexpr size_t printedLimit = 1 << 20;

void assertFailed(const char* message) {
  if (current) current->fail(message);
}

// One lane of tt.print: kind is 'i', 'u', 'x' or 'f'; bits are the value, extended to 64.
void printLane(const char* prefix, const int32_t* programs, int64_t lane, int kind, int64_t bits) {
  if (!current) return;
  char value[40], line[128];
  double number;
  std::memcpy(&number, &bits, sizeof number);
  if (kind == 'f')
    std::snprintf(value, sizeof value, "%f", number);
  else
    std::snprintf(value, sizeof value,
                  kind == 'i'   ? "%lld"
                  : kind == 'u' ? "%llu"
                                : "0x%llx",
                  (long long)bits);
  std::snprintf(line, sizeof line, "pid (%d, %d, %d) idx (%lld)", programs[0], programs[1], programs[2],
                (long long)lane);
  std::lock_guard lock(current->mutex);
  if (current->printed.size() > printedLimit) return;
  current->printed += std::string(line) + prefix + value + "\n";
}

uint64_t nanoseconds() {
  return uint64_t(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

using Unary = double (*)(double);
using UnaryFloat = float (*)(float);
using Binary = double (*)(double, double);
using BinaryFloat = float (*)(float, float);

template <typename Function> const void* address(Function function) {
  return reinterpret_cast<const void*>(function);
}

#define TUNED_UNARY(name)                                                                                    \
  {#name, address(Unary(::name))}, {                                                                         \
#name "f", address(UnaryFloat(::name##f))                                                                \
  }
#define TUNED_BINARY(name)                                                                                   \
  {#name, address(Binary(::name))}, {                                                                        \
#name "f", address(BinaryFloat(::name##f))                                                               \
  }

} // namespace

void LaunchState::fail(const std::string& text) {
  std::lock_guard lock(mutex);
  if (!failed) message = text;
  failed = true;
}

void setLaunchState(LaunchState* state) {
  current = state;
}

namespace {

std::map<std::string, const void*> makeSymbols() {
  std::map<std::string, const void*> symbols = {
      {"tuned_assert_failed", address(assertFailed)},
      {"tuned_print_lane", address(printLane)},
      {"tuned_nanoseconds", address(nanoseconds)},
      {"memcpy", address(::memcpy)},
      {"memset", address(static_cast<void* (*)(void*, int, size_t)>(::memset))},
      {"memmove", address(::memmove)},
      TUNED_UNARY(acos),
      TUNED_UNARY(acosh),
      TUNED_UNARY(asin),
      TUNED_UNARY(asinh),
      TUNED_UNARY(atan),
      TUNED_UNARY(atanh),
      TUNED_UNARY(cbrt),
      TUNED_UNARY(ceil),
      TUNED_UNARY(cos),
      TUNED_UNARY(cosh),
      TUNED_UNARY(erf),
      TUNED_UNARY(erfc),
      TUNED_UNARY(exp),
      TUNED_UNARY(exp2),
      TUNED_UNARY(exp10),
      TUNED_UNARY(expm1),
      TUNED_UNARY(floor),
      TUNED_UNARY(j0),
      TUNED_UNARY(j1),
      TUNED_UNARY(lgamma),
      TUNED_UNARY(log),
      TUNED_UNARY(log10),
      TUNED_UNARY(log1p),
      TUNED_UNARY(log2),
      TUNED_UNARY(logb),
      TUNED_UNARY(nearbyint),
      TUNED_UNARY(rint),
      TUNED_UNARY(round),
      TUNED_UNARY(sin),
      TUNED_UNARY(sinh),
      TUNED_UNARY(sqrt),
      TUNED_UNARY(tan),
      TUNED_UNARY(tanh),
      TUNED_UNARY(tgamma),
      TUNED_UNARY(trunc),
      TUNED_UNARY(y0),
      TUNED_UNARY(y1),
      TUNED_BINARY(atan2),
      TUNED_BINARY(copysign),
      TUNED_BINARY(fdim),
      TUNED_BINARY(fmax),
      TUNED_BINARY(fmin),
      TUNED_BINARY(fmod),
      TUNED_BINARY(hypot),
      TUNED_BINARY(nextafter),
      TUNED_BINARY(pow),
      TUNED_BINARY(remainder),
      {"fma", address(static_cast<double (*)(double, double, double)>(::fma))},
      {"fmaf", address(static_cast<float (*)(float, float, float)>(::fmaf))},
      // LLVM makes one call of the sine and the cosine of one number.
      {"sincos", address(static_cast<void (*)(double, double*, double*)>(::sincos))},
      {"sincosf", address(static_cast<void (*)(float, float*, float*)>(::sincosf))},
      {"tuned_bessel_i0", address(besselI0)},
      {"tuned_bessel_i1", address(besselI1)},
      {"tuned_inverse_erf", address(inverseErf)},
      {"tuned_normal_cdf", address(normalCdf)},
      {"tuned_inverse_normal_cdf", address(inverseNormalCdf)},
  };
  symbols.insert(libdeviceSymbols().begin(), libdeviceSymbols().end());
  return symbols;
}

} // namespace

const std::map<std::string, const void*>& runtimeSymbols() {
  static const std::map<std::string, const void*> symbols = makeSymbols();
  return symbols;
}

} // namespace tuned::cpu
