// The values a kernel is launched with. Free of LLVM and CUDA, for backends and clients alike.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tuned {

/// A host tensor descriptor argument: base, shape, strides (elements; the last is 1) and block.
struct TensorDescriptor {
  uint64_t address = 0;
  int elementBytes = 4;
  std::string elementType; ///< "f16", "f32", "i8", "f8E4M3FN", …
  std::vector<int64_t> shape, strides, block;
  bool paddingNan = false;
};

/// A scalar's bits, little-endian in the low `bytes` bytes; i1 is one byte.
struct Scalar {
  uint64_t bits = 0;
  int bytes = 4;
};

/// A pointer argument is its address; the kernel's arguments are in the order of the IR's.
/// A descriptor counts as ONE argument here although the IR lists its shape and strides after it:
/// devices expand it.
using ArgumentValue = std::variant<uint64_t, Scalar, TensorDescriptor>;

using Grid = std::array<int64_t, 3>;

} // namespace tuned
