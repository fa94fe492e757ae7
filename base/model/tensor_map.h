// Tensor maps, as a kernel's parameters: what the TMA unit is told of a tensor in global memory. Which tensor
// it is, a launch says; how it is cut up, the kernel's compiler did.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <vector>

namespace tuned {

/// How a kernel wants a map made. The values of the first two are the driver's (CUtensorMapSwizzle,
/// CUtensorMapDataType).
struct TensorMapLayout {
  int swizzle = 0;          ///< 0 none, 1 32 bytes, 2 64 bytes, 3 128 bytes
  int elementType = 0;      ///< 0 u8, 1 u16, 2 u32, 6 f16, 7 f32, 9 bf16, …
  int elementBytes = 1;     ///< strides of a launch count elements
  std::vector<int64_t> box; ///< elements copied at once along each dimension, the last varies fastest

  size_t rank() const { return box.size(); }
  bool operator==(const TensorMapLayout&) const = default;
};

inline constexpr size_t mostMapDimensions = 5;
inline constexpr int tensorMapBytes = 128;

/// InvalidInput names what no driver makes a map of, and its limit.
Result<void> checkTensorMap(const TensorMapLayout& layout);

template <typename V> void fields(V& v, TensorMapLayout& m) {
  v("swizzle", m.swizzle);
  v("element_type", m.elementType);
  v("element_bytes", m.elementBytes);
  v("box", m.box);
}

} // namespace tuned
