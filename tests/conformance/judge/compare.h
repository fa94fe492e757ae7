// Judging a buffer after a launch.
#pragma once

#include "tests/conformance/case.h"

#include <functional>
#include <span>

namespace tuned::conformance {

struct Difference {
  size_t element;
  std::string got, expected;
  double error, allowed;
};

struct Judgement {
  size_t elements = 0, wrong = 0;
  double largestError = 0; ///< among the wrong ones
  double largestUse = 0; ///< error / allowed among the right ones that may differ: how tight the tolerance is
  std::vector<Difference> differences; ///< the first few wrong ones
};

/// Integers must be equal, NaN equals NaN, infinities must agree; of floats `allowed(expected, root mean
/// square)` says how far they may be off. Keeps `keep` differences.
Judgement judge(Kind kind, std::span<const std::byte> got, std::span<const std::byte> expected,
                const std::function<double(double, double)>& allowed, size_t keep);

/// Elements in ascending order, for judging results whose order is free.
std::vector<std::byte> sorted(Kind kind, std::span<const std::byte> elements);

/// The bytes must be the same.
Judgement judgeUnchanged(Kind kind, std::span<const std::byte> got, std::span<const std::byte> before,
                         size_t keep);

} // namespace tuned::conformance
