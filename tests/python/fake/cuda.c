/* A driver without a device: what it is asked is written down, and a test says what it answers. */
#include <stdint.h>
#include <string.h>

int fake_load_status, fake_launch_status; /* what loading and launching give */
int fake_loads, fake_launches, fake_capture_mode, fake_parameters = 4;
void *fake_stream, *fake_context, *fake_launch_context;
uint64_t fake_slots[64];
int fake_encodes;
/* What the last tensor map was asked for: type, rank, address, swizzle, fill; extents, strides in bytes and box of
 * up to five dimensions each. */
uint64_t fake_map[20];

#define SUCCEEDS(name)                                                                                       \
  int name(void) {                                                                                           \
    return 0;                                                                                                \
  }
SUCCEEDS(cuInit)
SUCCEEDS(cuDeviceTotalMem_v2)
SUCCEEDS(cuDevicePrimaryCtxRelease_v2)
SUCCEEDS(cuMemAlloc_v2)
SUCCEEDS(cuMemFree_v2)
SUCCEEDS(cuMemcpyHtoD_v2)
SUCCEEDS(cuMemcpyDtoH_v2)
SUCCEEDS(cuMemcpyDtoDAsync_v2)
SUCCEEDS(cuMemsetD8Async)
SUCCEEDS(cuStreamCreate)
SUCCEEDS(cuStreamDestroy_v2)
SUCCEEDS(cuStreamQuery)
SUCCEEDS(cuEventCreate)
SUCCEEDS(cuEventDestroy_v2)
SUCCEEDS(cuEventRecord)
SUCCEEDS(cuEventElapsedTime)
SUCCEEDS(cuModuleUnload)
SUCCEEDS(cuFuncSetAttribute)
SUCCEEDS(cuFuncSetCacheConfig)
SUCCEEDS(cuDeviceGetName)
SUCCEEDS(cuDeviceGetPCIBusId)

int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
int cuGetErrorName(int status, const char** name) {
  *name = "CUDA_ERROR_FAKE";
  return status == 0;
}
int cuGetErrorString(int status, const char** text) {
  *text = "as the test wants it";
  return status == 0;
}
int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}
int cuDeviceGet(int* device, int index) {
  *device = index;
  return index == 0 ? 0 : 101;
}
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute >= 5 && attribute <= 7 ? 65535 : 0; /* grids */
  return device;
}
int cuDevicePrimaryCtxRetain(void** context, int device) {
  *context = (void*)0x1000;
  return device;
}
int cuCtxSetCurrent(void* context) {
  fake_context = context;
  return 0;
}
int cuCtxGetCurrent(void** context) {
  *context = fake_context;
  return 0;
}
int cuThreadExchangeStreamCaptureMode(int* mode) {
  const int before = fake_capture_mode;
  fake_capture_mode = *mode;
  *mode = before;
  return 0;
}
int cuPointerGetAttribute(int* value, int attribute, uint64_t pointer) {
  *value = 0;
  return attribute == 9 && pointer ? 0 : 1;
}
/* As under a capture: only a thread that has relaxed it may load (901:
 * CUDA_ERROR_STREAM_CAPTURE_INVALIDATED). */
int cuModuleLoadData(void** module, const void* image) {
  ++fake_loads;
  *module = (void*)image;
  return fake_capture_mode == 2 ? fake_load_status : 901;
}
int cuModuleGetFunction(void** function, void* module, const char* name) {
  *function = (void*)0x3000;
  return strcmp(name, "sum") ? 500 : module == 0;
}
int cuTensorMapEncodeTiled(uint64_t* map, int type, uint32_t rank, uint64_t address, const uint64_t* extents,
                           const uint64_t* strides, const uint32_t* box, const uint32_t* steps, int interleave,
                           int swizzle, int promotion, int fill) {
  const uint64_t head[5] = {type, rank, address, swizzle, fill};
  memcpy(fake_map, head, sizeof head);
  for (uint32_t i = 0; i < rank; ++i) {
    fake_map[5 + i] = extents[i];
    fake_map[10 + i] = i + 1 < rank ? strides[i] : 0;
    fake_map[15 + i] = box[i];
  }
  memset(map, 0, 128);
  map[0] = 0xfeed0000 + ++fake_encodes;
  return interleave || promotion != 2 || steps[0] != 1;
}
int cuLaunchKernelEx(
    const struct {
      unsigned numbers[7];
      void* stream;
    } * config,
    void* function, void** parameters, void** extra) {
  ++fake_launches;
  fake_stream = config->stream;
  fake_launch_context = fake_context;
  for (int i = 0; i < fake_parameters; ++i)
    memcpy(&fake_slots[i], parameters[i], sizeof fake_slots[i]);
  return function == (void*)0x3000 && !extra ? fake_launch_status : 1;
}
