#include "tuner/verify/verify.h"
#include "base/parallel.h"
#include "tuner/measure/element.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>

namespace tuned {
namespace {

constexpr int64_t leastCompared = 1 << 18; // elements: below, a thread costs more than it saves
constexpr size_t kBlock = 4096; // a multiple of every element's bytes: what is as it was goes by quickly
constexpr int64_t leastBlocks = 64;

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

/// Adds a range behind the others; it is part of the last one where it begins at that one's end.
void take(std::vector<ElementRange>& ranges, const ElementRange& more) {
  if (!ranges.empty() && ranges.back().first + ranges.back().count == more.first)
    ranges.back().count += more.count;
  else
    ranges.push_back(more);
}

} // namespace

ReferenceOutput referenceOutput(size_t argument, int elementBytes, std::span<const std::byte> after,
                                std::span<const std::byte> written) {
  ReferenceOutput out{argument, {}, {}};
  int64_t count = static_cast<int64_t>(after.size()) / elementBytes;
  if (written.empty()) {
    out.ranges.push_back({0, count});
    append(out.expected, after);
    return out;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (written[i] == std::byte{0}) continue;
    take(out.ranges, {i, 1});
    append(out.expected, after.subspan(i * elementBytes, elementBytes));
  }
  return out;
}

namespace {

/// Elements [first, first + count) of a buffer, and where their values are in ReferenceOutput::expected.
struct Placed {
  ElementRange range;
  int64_t at;
};

std::vector<Placed> placed(std::span<const ElementRange> ranges) {
  std::vector<Placed> out;
  out.reserve(ranges.size());
  int64_t at = 0;
  for (const ElementRange& range : ranges) {
    out.push_back({range, at});
    at += range.count;
  }
  return out;
}

int64_t countOf(std::span<const Placed> ranges) {
  return ranges.empty() ? 0 : ranges.back().at + ranges.back().range.count;
}

/// Calls `each` with the parts of ranges that lie between two places. The ranges are often thousands of short
/// ones, so that it is their elements which are shared among threads.
template <typename Each>
void eachBetween(std::span<const Placed> ranges, int64_t first, int64_t last, Each each) {
  auto one = std::ranges::upper_bound(ranges, first, {}, &Placed::at);
  for (one -= one != ranges.begin(); one != ranges.end() && one->at < last; ++one) {
    const int64_t from = std::max(first, one->at), to = std::min(last, one->at + one->range.count);
    if (from < to) each(Placed{{one->range.first + from - one->at, to - from}, from});
  }
}

/// The elements among some whole blocks that are not what they were.
std::vector<ElementRange> changedIn(size_t bytes, std::span<const std::byte> before,
                                    std::span<const std::byte> after, size_t start, size_t stop) {
  std::vector<ElementRange> out;
  for (; start < stop; start += kBlock) {
    const size_t end = std::min(stop, start + kBlock);
    if (std::memcmp(before.data() + start, after.data() + start, end - start) == 0) continue;
    for (size_t at = start; at < end; at += bytes)
      if (std::memcmp(before.data() + at, after.data() + at, bytes) != 0)
        take(out, {static_cast<int64_t>(at / bytes), 1});
  }
  return out;
}

} // namespace

ReferenceOutput changedElements(size_t argument, int elementBytes, std::span<const std::byte> before,
                                std::span<const std::byte> after) {
  const auto bytes = static_cast<size_t>(elementBytes);
  std::map<int64_t, std::vector<ElementRange>> parts; // by their first block
  std::mutex adding;
  const auto blocks = static_cast<int64_t>((after.size() + kBlock - 1) / kBlock);
  inParallel(blocks, leastBlocks, [&](int64_t first, int64_t last) {
    auto part = changedIn(bytes, before, after, static_cast<size_t>(first) * kBlock,
                          std::min(after.size(), static_cast<size_t>(last) * kBlock));
    const std::lock_guard lock(adding);
    parts.emplace(first, std::move(part));
  });
  ReferenceOutput out{argument, {}, {}};
  for (const auto& [first, ranges] : parts)
    for (const ElementRange& range : ranges)
      take(out.ranges, range);
  const std::vector<Placed> ranges = placed(out.ranges);
  out.expected.resize(static_cast<size_t>(countOf(ranges)) * bytes);
  inParallel(countOf(ranges), leastCompared, [&](int64_t first, int64_t last) {
    eachBetween(ranges, first, last, [&](const Placed& part) {
      std::memcpy(out.expected.data() + static_cast<size_t>(part.at) * bytes,
                  after.data() + static_cast<size_t>(part.range.first) * bytes,
                  static_cast<size_t>(part.range.count) * bytes);
    });
  });
  return out;
}

Tolerance toleranceFor(const Kernel& kernel, const std::string& type) {
  return kernel.tolerance ? *kernel.tolerance : typeTolerance(type);
}

Tolerance typeTolerance(const std::string& type) {
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

namespace {

/// Both sides of one range.
struct Sides {
  const std::byte *got, *expected;
};

/// Judges element by element what the quick test of `close` does not pass.
template <typename Close>
void judge(const ElementRange& range, Sides at, const ElementInfo& info, const Tolerance& tolerance,
           Comparison& result, Close close) {
  for (int64_t i = range.first; i < range.first + range.count;
       ++i, at.got += info.bytes, at.expected += info.bytes) {
    if (close(at, result.worstError)) continue;
    double error = errorOf(info, at.got, at.expected, tolerance);
    result.worstError = std::max(result.worstError, error);
    if (error <= 1) continue;
    if (result.wrong++ == 0) result.first = Mismatch{i, show(info, at.got), show(info, at.expected)};
  }
}

/// One part of what is compared, behind those that `result` tells of.
void compareRange(const ElementRange& range, const Sides& at, const ElementInfo& info,
                  const Tolerance& tolerance, Comparison& result) {
  result.checked += range.count;
  if (std::memcmp(at.got, at.expected, static_cast<size_t>(range.count * info.bytes)) == 0) return;
  // Outputs run to hundreds of millions of elements; f32, the commonest, passes without a call or a
  // division as long as it is not the worst so far.
  if (info.type == ElementType::F32)
    judge(range, at, info, tolerance, result, [&](const Sides& sides, double worst) {
      float a, b;
      std::memcpy(&a, sides.got, 4);
      std::memcpy(&b, sides.expected, 4);
      double allowed = tolerance.absolute + tolerance.relative * std::fabs(double(b));
      return a == b || std::fabs(double(a) - double(b)) <= std::min(worst, 1.0) * allowed;
    });
  else
    judge(range, at, info, tolerance, result, [&](const Sides& sides, double) {
      return std::memcmp(sides.got, sides.expected, info.bytes) == 0;
    });
}

void add(Comparison& all, Comparison part) {
  all.checked += part.checked;
  all.wrong += part.wrong;
  all.worstError = std::max(all.worstError, part.worstError);
  if (part.first && (!all.first || part.first->index < all.first->index)) all.first = std::move(part.first);
}

} // namespace

Comparison compare(const ReferenceOutput& reference, const std::string& type, std::span<const std::byte> got,
                   const Tolerance& tolerance) {
  const ElementInfo info = elementInfo(type);
  const std::vector<Placed> ranges = placed(reference.ranges);
  Comparison result;
  std::mutex adding;
  inParallel(countOf(ranges), leastCompared, [&](int64_t first, int64_t last) {
    Comparison compared;
    eachBetween(ranges, first, last, [&](const Placed& part) {
      const Sides at{got.data() + part.range.first * info.bytes,
                     reference.expected.data() + part.at * info.bytes};
      compareRange(part.range, at, info, tolerance, compared);
    });
    const std::lock_guard lock(adding);
    add(result, std::move(compared));
  });
  return result;
}

double compare(const ReferenceOutput& reference, const ReferenceOutput& other, const std::string& type,
               const Tolerance& tolerance) {
  const auto bytes = static_cast<size_t>(elementInfo(type).bytes);
  // The whole buffer: the reference's own values, and over them the other's.
  std::vector<std::byte> whole;
  auto lay = [&](const ReferenceOutput& values) {
    const std::byte* from = values.expected.data();
    for (const ElementRange& range : values.ranges) {
      const size_t end = static_cast<size_t>(range.first + range.count) * bytes;
      if (whole.size() < end) whole.resize(end);
      std::memcpy(whole.data() + static_cast<size_t>(range.first) * bytes, from,
                  static_cast<size_t>(range.count) * bytes);
      from += static_cast<size_t>(range.count) * bytes;
    }
  };
  lay(reference);
  lay(other);
  return compare(reference, type, whole, tolerance).worstError;
}

double spreadOf(const ReferenceOutput& output, std::span<const ReferenceResult> otherwise,
                const std::string& type, const Tolerance& tolerance) {
  double worst = 0;
  for (const ReferenceResult& other : otherwise)
    for (const ReferenceOutput& same : other.outputs)
      if (same.argument == output.argument) worst = std::max(worst, compare(output, same, type, tolerance));
  const double spread = kSpreadMargin * worst;
  return spread > 1 && spread <= kWidestSpread ? spread : 1;
}

} // namespace tuned
