// Our declarations of the driver's interface against the toolkit's header, where there is one.
#ifdef TUNED_CUDA_HEADERS
#include "backend/runtime/cuda/driver.h"
#include "base/model/tensor_map.h"

#include <cuda.h>

namespace ours = tuned::cuda;

namespace {
constexpr bool same(int our, int theirs) {
  return our == theirs;
}
} // namespace

static_assert(sizeof(ours::LaunchConfig) == sizeof(CUlaunchConfig));
static_assert(offsetof(ours::LaunchConfig, sharedBytes) == offsetof(CUlaunchConfig, sharedMemBytes));
static_assert(offsetof(ours::LaunchConfig, stream) == offsetof(CUlaunchConfig, hStream));
static_assert(offsetof(ours::LaunchConfig, attributes) == offsetof(CUlaunchConfig, attrs));
static_assert(offsetof(ours::LaunchConfig, attributeCount) == offsetof(CUlaunchConfig, numAttrs));
static_assert(sizeof(ours::LaunchAttribute) == sizeof(CUlaunchAttribute));
static_assert(offsetof(ours::LaunchAttribute, value) == offsetof(CUlaunchAttribute, value));
static_assert(same(ours::clusterDimensionAttribute, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION));
static_assert(sizeof(ours::Address) == sizeof(CUdeviceptr));
static_assert(same(ours::OutOfMemory, CUDA_ERROR_OUT_OF_MEMORY) &&
              same(ours::NoDevice, CUDA_ERROR_NO_DEVICE));
static_assert(same(ours::InvalidImage, CUDA_ERROR_INVALID_IMAGE));
static_assert(same(ours::NoBinaryForDevice, CUDA_ERROR_NO_BINARY_FOR_GPU));
static_assert(same(ours::UnsupportedPtxVersion, CUDA_ERROR_UNSUPPORTED_PTX_VERSION));
static_assert(same(ours::NotReady, CUDA_ERROR_NOT_READY) &&
              same(ours::IllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS));
static_assert(same(ours::LaunchOutOfResources, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES));
static_assert(same(ours::LaunchTimeout, CUDA_ERROR_LAUNCH_TIMEOUT) &&
              same(ours::Assertion, CUDA_ERROR_ASSERT));
static_assert(same(ours::HardwareStackError, CUDA_ERROR_HARDWARE_STACK_ERROR));
static_assert(same(ours::IllegalInstruction, CUDA_ERROR_ILLEGAL_INSTRUCTION));
static_assert(same(ours::MisalignedAddress, CUDA_ERROR_MISALIGNED_ADDRESS));
static_assert(same(ours::InvalidAddressSpace, CUDA_ERROR_INVALID_ADDRESS_SPACE));
static_assert(same(ours::InvalidProgramCounter, CUDA_ERROR_INVALID_PC) &&
              same(ours::LaunchFailed, CUDA_ERROR_LAUNCH_FAILED));
static_assert(same(ours::MaxThreadsPerBlock, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK));
static_assert(same(ours::MaxGridX, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X) &&
              same(ours::MaxGridZ, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z));
static_assert(same(ours::MaxRegistersPerBlock, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK));
static_assert(same(ours::MultiprocessorCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
static_assert(same(ours::L2CacheBytes, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
static_assert(same(ours::ComputeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR));
static_assert(same(ours::ComputeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
static_assert(same(ours::MaxSharedBytesPerBlockOptIn, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
static_assert(same(ours::maxDynamicSharedBytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES));
static_assert(same(ours::nonPortableClusterAllowed, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED));
static_assert(same(ours::deviceOrdinalOfPointer, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL));
static_assert(same(ours::preferShared, CU_FUNC_CACHE_PREFER_SHARED));
#if CUDA_VERSION >= 12000
static_assert(sizeof(CUtensorMap) == tuned::tensorMapBytes);
static_assert(same(0, CU_TENSOR_MAP_SWIZZLE_NONE) && same(3, CU_TENSOR_MAP_SWIZZLE_128B));
static_assert(same(0, CU_TENSOR_MAP_DATA_TYPE_UINT8) && same(9, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16) &&
              same(12, CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ));
#endif
#endif
