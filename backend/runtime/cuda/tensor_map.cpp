#include "backend/runtime/cuda/tensor_map.h"

#include "backend/runtime/cuda/driver.h"

#include <dlfcn.h>

namespace tuned::cuda {
namespace {

using Encode = int (*)(void* map, int type, uint32_t rank, void* address, const uint64_t* extents,
                       const uint64_t* byteStrides, const uint32_t* box, const uint32_t* elementStrides,
                       int interleave, int swizzle, int promotion, int fill);

constexpr int noInterleave = 0;
constexpr int promoteTo128Bytes = 2;
constexpr int fillZero = 0, fillNan = 1;

/// Not in the driver's table: drivers before 12.0 have none, and all else works with them.
Result<Encode> encoder() {
  if (!driver()) return fail(driver().error());
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  auto encode = library ? reinterpret_cast<Encode>(dlsym(library, "cuTensorMapEncodeTiled")) : nullptr;
  if (!encode)
    return fail(ErrorKind::Unavailable, "the NVIDIA driver makes no tensor maps",
                "it is older than CUDA 12.0; install a newer one");
  return encode;
}

} // namespace

Result<TensorMap> encodeTensorMap(const TensorDescriptor& descriptor, const TensorMapLayout& layout) {
  size_t rank = descriptor.shape.size();
  if (rank == 0 || rank > 5 || descriptor.strides.size() != rank || layout.box.size() != rank)
    return fail(ErrorKind::InvalidInput,
                "a tensor map has one to five dimensions, each with a stride and a box; this one has " +
                    std::to_string(rank) + ", " + std::to_string(descriptor.strides.size()) + " and " +
                    std::to_string(layout.box.size()));
  auto encode = encoder();
  if (!encode) return fail(encode.error());
  // The driver counts dimensions from the one that varies fastest, whose stride it does not ask for.
  std::vector<uint64_t> extents, strides;
  std::vector<uint32_t> box, steps(rank, 1);
  for (size_t i = rank; i-- > 0;) {
    extents.push_back(static_cast<uint64_t>(descriptor.shape[i]));
    box.push_back(static_cast<uint32_t>(layout.box[i]));
    if (i + 1 < rank)
      strides.push_back(static_cast<uint64_t>(descriptor.strides[i] * descriptor.elementBytes));
  }
  struct alignas(64) Aligned {
    TensorMap map;
  } made;
  int status = (*encode)(made.map.bytes.data(), layout.elementType, static_cast<uint32_t>(rank),
                         reinterpret_cast<void*>(descriptor.address), extents.data(), strides.data(),
                         box.data(), steps.data(), noInterleave, layout.swizzle, promoteTo128Bytes,
                         descriptor.paddingNan ? fillNan : fillZero);
  if (status != Success) {
    Error error = driverError(status, "encoding a tensor map");
    return fail(ErrorKind::InvalidInput, error.message,
                "strides in bytes are multiples of 16, boxes at most 256");
  }
  return made.map;
}

} // namespace tuned::cuda
