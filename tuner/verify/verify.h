// Is what a variant computed right? Outputs against a reference of another origin, and guards around every
// buffer.
#pragma once

#include "base/error.h"
#include "base/large_bytes.h"
#include "ir/kernel/kernel.h"
#include "tuner/trial.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tuned {

/// Elements [first, first + count) of a buffer.
struct ElementRange {
  int64_t first = 0, count = 0;
};

/// What a correct kernel leaves in one output argument, where that is known.
struct ReferenceOutput {
  size_t argument = 0;              ///< index into Kernel::arguments
  std::vector<ElementRange> ranges; ///< ascending, disjoint
  LargeBytes expected;              ///< the elements of all ranges, one after the other
};

/// A sample of program instances suffices: elements outside the ranges are not judged.
struct ReferenceResult {
  std::string source; ///< who computed it: "reference", "cpu"
  std::vector<ReferenceOutput> outputs;
};

/// The ranges of a whole buffer `after` in which `written` (one byte an element; not 0: known) is set. An
/// empty mask means every element.
ReferenceOutput referenceOutput(size_t argument, int elementBytes, std::span<const std::byte> after,
                                std::span<const std::byte> written = {});

/// The elements of a buffer that are not what they were `before`; both spans are of one size.
ReferenceOutput changedElements(size_t argument, int elementBytes, std::span<const std::byte> before,
                                std::span<const std::byte> after);

/// The first element that is wrong.
struct Mismatch {
  int64_t index = 0; ///< element
  std::string got, expected;
};

struct Comparison {
  int64_t checked = 0;
  int64_t wrong = 0;
  double worstError = 0; ///< see Verdict
  std::optional<Mismatch> first;
};

/// The kernel's tolerance (zeros are exact), or where it gives none the type's own: f64 1e-12, f32 1e-5, f16
/// 2e-3, bf16 2e-2, f8 0.13 (relative and absolute alike). Integers compare exactly.
Tolerance toleranceFor(const Kernel& kernel, const std::string& type);
/// The type's own.
Tolerance typeTolerance(const std::string& type);

/// Compares a whole output buffer with what is known of it. NaN equals NaN; infinities must be the same.
Comparison compare(const ReferenceOutput& reference, const std::string& type, std::span<const std::byte> got,
                   const Tolerance& tolerance);

/// The largest difference of two references of the same output, where both know it, in units of what the
/// tolerance allows; infinite where one has a number and the other has none.
double compare(const ReferenceOutput& reference, const ReferenceOutput& other, const std::string& type,
               const Tolerance& tolerance);

/// What right builds may differ by, over what two other ways of summing did; and the most tolerances that may
/// be.
inline constexpr double kSpreadMargin = 2, kWidestSpread = 64;

/// How many times the tolerance an output may differ by, told from the same output with the kernel's sums
/// taken otherwise; 1 and more. Two orders are a sample of all there are; beyond the limit, or where one
/// gives no number, nothing is widened: what a kernel computes then is not told by its tolerance.
double spreadOf(const ReferenceOutput& output, std::span<const ReferenceResult> otherwise,
                const std::string& type, const Tolerance& tolerance);

} // namespace tuned
