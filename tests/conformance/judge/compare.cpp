#include "tests/conformance/judge/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

namespace tuned::conformance {
namespace {

uint64_t element(std::span<const std::byte> bytes, size_t index, size_t width) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + index * width, width);
  return value;
}

std::string text(Kind kind, uint64_t lane) {
  std::ostringstream out;
  out.precision(9);
  if (reference::isFloat(kind))
    out << reference::toDouble(kind, lane);
  else
    out << reference::signedValue(kind, lane);
  return out.str();
}

/// Of the finite elements; 0 for integers.
double rootMeanSquare(Kind kind, std::span<const std::byte> bytes, size_t width) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < bytes.size() / width; ++i) {
    double value = reference::toDouble(kind, element(bytes, i, width));
    if (!std::isfinite(value)) continue;
    sum += value * value;
    ++count;
  }
  return count ? std::sqrt(sum / static_cast<double>(count)) : 0;
}

void note(Judgement& judgement, const Difference& difference, size_t keep) {
  ++judgement.wrong;
  if (!(difference.error <= judgement.largestError)) judgement.largestError = difference.error;
  if (judgement.differences.size() < keep) judgement.differences.push_back(difference);
}

} // namespace

Judgement judge(Kind kind, std::span<const std::byte> got, std::span<const std::byte> expected,
                const std::function<double(double, double)>& allowed, size_t keep) {
  if (!reference::isFloat(kind)) return judgeUnchanged(kind, got, expected, keep);
  Judgement judgement;
  auto width = static_cast<size_t>(reference::byteWidth(kind));
  double scale = rootMeanSquare(kind, expected, width);
  judgement.elements = expected.size() / width;
  for (size_t i = 0; i < judgement.elements; ++i) {
    uint64_t a = element(got, i, width), b = element(expected, i, width);
    if (a == b) continue;
    double x = reference::toDouble(kind, a), y = reference::toDouble(kind, b);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    double error = std::fabs(x - y), limit = allowed(y, scale);
    if (std::isfinite(x) && std::isfinite(y) && error <= limit)
      judgement.largestUse = std::max(judgement.largestUse, error / limit);
    else
      note(judgement, {i, text(kind, a), text(kind, b), error, limit}, keep);
  }
  return judgement;
}

std::vector<std::byte> sorted(Kind kind, std::span<const std::byte> elements) {
  auto width = static_cast<size_t>(reference::byteWidth(kind));
  std::vector<uint64_t> lanes;
  for (size_t i = 0; i < elements.size() / width; ++i)
    lanes.push_back(element(elements, i, width));
  bool real = reference::isFloat(kind);
  std::ranges::stable_sort(lanes, {}, [&](uint64_t lane) {
    return real ? reference::toDouble(kind, lane) : double(reference::signedValue(kind, lane));
  });
  std::vector<std::byte> bytes(elements.size());
  for (size_t i = 0; i < lanes.size(); ++i)
    std::memcpy(bytes.data() + i * width, &lanes[i], width);
  return bytes;
}

Judgement judgeUnchanged(Kind kind, std::span<const std::byte> got, std::span<const std::byte> before,
                         size_t keep) {
  Judgement judgement;
  auto width = static_cast<size_t>(reference::byteWidth(kind));
  judgement.elements = before.size() / width;
  for (size_t i = 0; i < judgement.elements; ++i) {
    uint64_t a = element(got, i, width), b = element(before, i, width);
    if (a == b) continue;
    double x =
        reference::isFloat(kind) ? reference::toDouble(kind, a) : double(reference::signedValue(kind, a));
    double y =
        reference::isFloat(kind) ? reference::toDouble(kind, b) : double(reference::signedValue(kind, b));
    note(judgement, {i, text(kind, a), text(kind, b), std::fabs(x - y), 0}, keep);
  }
  return judgement;
}

} // namespace tuned::conformance
