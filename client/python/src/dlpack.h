// The structs of DLPack 1.3 that are read, as its specification lays them out in memory.
#pragma once

#include <cstdint>

namespace tuned::python::dlpack {

struct Device {
  int32_t type, index;
};
struct DataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct Tensor {
  void* data;
  Device device;
  int32_t dimensions;
  DataType type;
  int64_t* shape;
  int64_t* strides; ///< in elements; null: contiguous
  uint64_t byteOffset;
};

struct Version {
  uint32_t major, minor;
};
struct VersionedTensor { ///< DLManagedTensorVersioned
  Version version;
  void* context;
  void (*deleter)(VersionedTensor*);
  uint64_t flags;
  Tensor tensor;
};
constexpr uint64_t readOnlyFlag = 1;

struct ExchangeApi {
  Version version;
  ExchangeApi* previous;
  void* allocator;
  void* fromObject;
  void* toObject;
  int (*tensorFromObject)(void* object, Tensor* out); ///< borrowed; may be null
  int (*currentWorkStream)(int32_t deviceType, int32_t deviceIndex, void** stream);
};

} // namespace tuned::python::dlpack
