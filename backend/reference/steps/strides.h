// Row-major indexing of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tuned::reference {

inline std::vector<int64_t> rowMajorStrides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

inline std::vector<int64_t> coordinates(size_t element, const std::vector<int64_t>& shape) {
  std::vector<int64_t> at(shape.size());
  auto rest = static_cast<int64_t>(element);
  for (size_t d = shape.size(); d-- > 0; rest /= shape[d])
    at[d] = rest % shape[d];
  return at;
}

/// One line along an axis: the elements base + i * stride, i < length.
struct Line {
  size_t base, stride, length;
  size_t operator[](size_t i) const { return base + i * stride; }
};

/// The lines of a shape along an axis, in the row-major order of the remaining dimensions.
inline std::vector<Line> linesAlong(const std::vector<int64_t>& shape, size_t axis) {
  size_t inner = 1, outer = 1, length = static_cast<size_t>(shape[axis]);
  for (size_t d = 0; d < axis; ++d)
    outer *= static_cast<size_t>(shape[d]);
  for (size_t d = axis + 1; d < shape.size(); ++d)
    inner *= static_cast<size_t>(shape[d]);
  std::vector<Line> lines;
  lines.reserve(outer * inner);
  for (size_t o = 0; o < outer; ++o)
    for (size_t i = 0; i < inner; ++i)
      lines.push_back({o * length * inner + i, inner, length});
  return lines;
}

} // namespace tuned::reference
