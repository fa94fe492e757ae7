#include "tuner/verify.h"
#include "tuner/element.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace tuned {
namespace {

std::string show(const ElementInfo& info, const std::byte* at) {
  char text[40];
  std::snprintf(text, sizeof text, info.isFloat ? "%.9g" : "%.0f", readElement(info.type, at));
  return text;
}

/// How far off, in tolerances: at most 1 passes.
double errorOf(const ElementInfo& info, const std::byte* got, const std::byte* expected,
               const Tolerance& tolerance) {
  if (std::memcmp(got, expected, info.bytes) == 0) return 0;
  if (!info.isFloat) return INFINITY; // doubles would hide differences of large integers
  double a = readElement(info.type, got), b = readElement(info.type, expected);
  if (std::isnan(a) && std::isnan(b)) return 0;
  if (a == b) return 0; // zeros of both signs
  if (!std::isfinite(a) || !std::isfinite(b)) return INFINITY;
  double allowed = tolerance.absolute + tolerance.relative * std::fabs(b);
  return allowed > 0 ? std::fabs(a - b) / allowed : INFINITY;
}

} // namespace

ReferenceOutput referenceOutput(size_t argument, int elementBytes, std::span<const std::byte> after,
                                std::span<const std::byte> written) {
  ReferenceOutput out{argument, {}, {}};
  int64_t count = static_cast<int64_t>(after.size()) / elementBytes;
  if (written.empty()) {
    out.ranges.push_back({0, count});
    out.expected.assign(after.begin(), after.end());
    return out;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (written[i] == std::byte{0}) continue;
    if (out.ranges.empty() || out.ranges.back().first + out.ranges.back().count != i)
      out.ranges.push_back({i, 0});
    ++out.ranges.back().count;
    auto element = after.subspan(i * elementBytes, elementBytes);
    out.expected.insert(out.expected.end(), element.begin(), element.end());
  }
  return out;
}

Tolerance toleranceFor(const Kernel& kernel, const std::string& type) {
  if (kernel.tolerance.relative > 0 || kernel.tolerance.absolute > 0) return kernel.tolerance;
  switch (elementInfo(type).type) {
  case ElementType::F64:
    return {1e-12, 1e-12};
  case ElementType::F32:
    return {1e-5, 1e-5};
  case ElementType::F16:
    return {2e-3, 2e-3};
  case ElementType::BF16:
    return {2e-2, 2e-2};
  case ElementType::F8E4M3:
  case ElementType::F8E5M2:
    return {0.13, 0.13};
  default:
    return {0, 0};
  }
}

Comparison compare(const ReferenceOutput& reference, const std::string& type, std::span<const std::byte> got,
                   const Tolerance& tolerance) {
  ElementInfo info = elementInfo(type);
  Comparison result;
  const std::byte* expected = reference.expected.data();
  for (const ElementRange& range : reference.ranges) {
    for (int64_t i = range.first; i < range.first + range.count; ++i, expected += info.bytes) {
      const std::byte* element = got.data() + i * info.bytes;
      double error = errorOf(info, element, expected, tolerance);
      result.worstError = std::max(result.worstError, error);
      if (error <= 1) continue;
      if (result.wrong++ == 0) result.first = Mismatch{i, show(info, element), show(info, expected)};
    }
    result.checked += range.count;
  }
  return result;
}

} // namespace tuned
