// libcuda.so.1 as a table of functions, and its failures as our errors.
#pragma once

#include "base/error.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tuned::cuda {

// The declarations of cuda.h that are used, under names of our own; a test compares them with the toolkit's
// header.
using DeviceHandle = int;
using Address = unsigned long long;
using Context = struct OpaqueContext*;
using Module = struct OpaqueModule*;
using Function = struct OpaqueFunction*;
using Stream = struct OpaqueStream*;
using Event = struct OpaqueEvent*;

struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    unsigned clusterDimensions[3];
    int flag;
  } value;
};

struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  Stream stream;
  LaunchAttribute* attributes;
  unsigned attributeCount;
};

enum Status : int {
  Success = 0,
  OutOfMemory = 2,
  NoDevice = 100,
  InvalidImage = 200,
  NoBinaryForDevice = 209,
  UnsupportedPtxVersion = 222,
  NotReady = 600,
  IllegalAddress = 700,
  LaunchOutOfResources = 701,
  LaunchTimeout = 702,
  Assertion = 710,
  HardwareStackError = 714,
  IllegalInstruction = 715,
  MisalignedAddress = 716,
  InvalidAddressSpace = 717,
  InvalidProgramCounter = 718,
  LaunchFailed = 719,
};

enum DeviceAttribute : int {
  MaxThreadsPerBlock = 1,
  MaxGridX = 5,
  MaxGridY = 6,
  MaxGridZ = 7,
  MaxRegistersPerBlock = 12,
  ClockKilohertz = 13,
  MultiprocessorCount = 16,
  MemoryClockKilohertz = 36,
  MemoryBusBits = 37,
  L2CacheBytes = 38,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76,
  MaxSharedBytesPerBlockOptIn = 97,
};

constexpr int maxDynamicSharedBytes = 8;      // function attribute
constexpr int nonPortableClusterAllowed = 14; // function attribute
constexpr int preferShared = 1;               // cache configuration
constexpr int clusterDimensionAttribute = 4;  // launch attribute
constexpr int deviceOrdinalOfPointer = 9;     // pointer attribute
// Ordered against the null stream, on which the plain copies run.
constexpr unsigned orderedStream = 0;

struct Driver {
  int (*init)(unsigned);
  int (*driverGetVersion)(int*);
  int (*getErrorName)(int, const char**);
  int (*getErrorString)(int, const char**);
  int (*deviceGetCount)(int*);
  int (*deviceGet)(DeviceHandle*, int);
  int (*deviceGetName)(char*, int, DeviceHandle);
  int (*deviceGetAttribute)(int*, int, DeviceHandle);
  int (*deviceTotalMem)(size_t*, DeviceHandle);
  int (*deviceGetBusId)(char*, int, DeviceHandle);
  int (*deviceGetUuid)(unsigned char*, DeviceHandle); ///< null: this driver has none
  int (*primaryContextRetain)(Context*, DeviceHandle);
  int (*primaryContextRelease)(DeviceHandle);
  int (*contextSetCurrent)(Context);
  int (*contextGetCurrent)(Context*);
  int (*threadExchangeStreamCaptureMode)(int*);
  int (*pointerGetAttribute)(void*, int, Address);
  int (*memAlloc)(Address*, size_t);
  int (*memFree)(Address);
  int (*memcpyHtoD)(Address, const void*, size_t);
  int (*memcpyDtoH)(void*, Address, size_t);
  int (*memcpyDtoDAsync)(Address, Address, size_t, Stream);
  int (*memsetD8Async)(Address, unsigned char, size_t, Stream);
  int (*streamCreate)(Stream*, unsigned);
  int (*streamDestroy)(Stream);
  int (*streamQuery)(Stream);
  int (*eventCreate)(Event*, unsigned);
  int (*eventDestroy)(Event);
  int (*eventRecord)(Event, Stream);
  int (*eventElapsedTime)(float*, Event, Event);
  int (*moduleLoadData)(Module*, const void*);
  int (*moduleUnload)(Module);
  int (*moduleGetFunction)(Function*, Module, const char*);
  int (*funcSetAttribute)(Function, int, int);
  int (*funcSetCacheConfig)(Function, int);
  int (*launchKernelEx)(const LaunchConfig*, Function, void**, void**);
  /// Null: older than CUDA 12.4. Of a function's parameter by number its place and its bytes; an error behind
  /// the last.
  int (*funcGetParamInfo)(Function, size_t, size_t*, size_t*);
  /// Null: this driver makes no tensor maps. Map, type of elements, rank, address, extents, strides in bytes,
  /// box, steps, interleave, swizzle, promotion in the L2, what is outside.
  int (*tensorMapEncodeTiled)(void*, int, uint32_t, void*, const uint64_t*, const uint64_t*, const uint32_t*,
                              const uint32_t*, int, int, int, int);
};

/// The driver, opened and initialised once a process. Unavailable without one, or with no device.
const Result<Driver>& driver();

/// An error of the kind that fits the driver's status: "what: CUDA_ERROR_…: …".
Error driverError(int status, const std::string& what);

/// Whether the status means that the context is broken for good.
bool isFault(int status);

/// The device whose memory an address is, as the driver counts it. InvalidInput: it is no device's;
/// Unavailable: no driver.
Result<int> deviceOfPointer(Address address);

/// The newest CUDA that the driver serves: 13000 is 13.0; 0 without a driver.
int driverCudaVersion();

/// "580.159.04 (CUDA 13.0)".
std::string driverVersion();

} // namespace tuned::cuda
