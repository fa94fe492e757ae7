// Tensor maps: what the TMA unit is told of a tensor in global memory.
#pragma once

#include "backend/runtime/argument.h"
#include "base/error.h"

#include <vector>

namespace tuned::cuda {

/// How a kernel wants its map made. The values of the first two are the driver's (CUtensorMapSwizzle,
/// CUtensorMapDataType).
struct TensorMapLayout {
  int swizzle = 0;     ///< 0 none, 1 32 bytes, 2 64 bytes, 3 128 bytes
  int elementType = 0; ///< 0 u8, 1 u16, 2 u32, 6 f16, 7 f32, 9 bf16, …
  std::vector<int64_t>
      box; ///< elements copied at once in each dimension, the last varies fastest; 1 to 256 each
};

/// Encodes with the driver, on the current context. Unavailable: no driver, or one without tensor maps.
/// InvalidInput: the driver refuses the shape, strides (in bytes multiples of 16) or box.
Result<TensorMap> encodeTensorMap(const TensorDescriptor& descriptor, const TensorMapLayout& layout);

} // namespace tuned::cuda
