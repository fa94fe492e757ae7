#include "backend/runtime/cuda/driver.h"

#include <dlfcn.h>
#include <fstream>
#include <sstream>

namespace tuned::cuda {
namespace {

/// Fills the table in order; `missing` is the first name that the library lacks.
struct Resolver {
  void* library;
  std::string missing = {};

  template <typename Pointer> void operator()(const char* name, Pointer& pointer) {
    pointer = reinterpret_cast<Pointer>(dlsym(library, name));
    if (!pointer && missing.empty()) missing = name;
  }
};

Driver resolveAll(Resolver& resolve) {
  Driver api;
  resolve("cuInit", api.init);
  resolve("cuDriverGetVersion", api.driverGetVersion);
  resolve("cuGetErrorName", api.getErrorName);
  resolve("cuGetErrorString", api.getErrorString);
  resolve("cuDeviceGetCount", api.deviceGetCount);
  resolve("cuDeviceGet", api.deviceGet);
  resolve("cuDeviceGetName", api.deviceGetName);
  resolve("cuDeviceGetAttribute", api.deviceGetAttribute);
  resolve("cuDeviceTotalMem_v2", api.deviceTotalMem);
  resolve("cuDeviceGetPCIBusId", api.deviceGetBusId);
  resolve("cuDevicePrimaryCtxRetain", api.primaryContextRetain);
  resolve("cuDevicePrimaryCtxRelease_v2", api.primaryContextRelease);
  resolve("cuCtxSetCurrent", api.contextSetCurrent);
  resolve("cuCtxGetCurrent", api.contextGetCurrent);
  resolve("cuThreadExchangeStreamCaptureMode", api.threadExchangeStreamCaptureMode);
  resolve("cuPointerGetAttribute", api.pointerGetAttribute);
  resolve("cuMemAlloc_v2", api.memAlloc);
  resolve("cuMemFree_v2", api.memFree);
  resolve("cuMemcpyHtoD_v2", api.memcpyHtoD);
  resolve("cuMemcpyDtoH_v2", api.memcpyDtoH);
  resolve("cuMemcpyDtoDAsync_v2", api.memcpyDtoDAsync);
  resolve("cuMemsetD8Async", api.memsetD8Async);
  resolve("cuStreamCreate", api.streamCreate);
  resolve("cuStreamDestroy_v2", api.streamDestroy);
  resolve("cuStreamQuery", api.streamQuery);
  resolve("cuEventCreate", api.eventCreate);
  resolve("cuEventDestroy_v2", api.eventDestroy);
  resolve("cuEventRecord", api.eventRecord);
  resolve("cuEventElapsedTime", api.eventElapsedTime);
  resolve("cuModuleLoadData", api.moduleLoadData);
  resolve("cuModuleUnload", api.moduleUnload);
  resolve("cuModuleGetFunction", api.moduleGetFunction);
  resolve("cuFuncSetAttribute", api.funcSetAttribute);
  resolve("cuFuncSetCacheConfig", api.funcSetCacheConfig);
  resolve("cuLaunchKernelEx", api.launchKernelEx);
  Resolver optional{resolve.library};
  optional("cuDeviceGetUuid_v2", api.deviceGetUuid);
  optional("cuFuncGetParamInfo", api.funcGetParamInfo);
  optional("cuTensorMapEncodeTiled", api.tensorMapEncodeTiled);
  return api;
}

Result<Driver> openDriver() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(ErrorKind::Unavailable, std::string("the NVIDIA driver cannot be opened: ") + dlerror(),
                "install the NVIDIA driver, and in a container pass the GPU through (--gpus all)");
  Resolver resolver{library};
  Driver api = resolveAll(resolver);
  if (!resolver.missing.empty())
    return fail(ErrorKind::Unavailable, "the NVIDIA driver has no " + resolver.missing,
                "it is older than CUDA 11.8; install a newer one");
  if (int status = api.init(0); status != Success) {
    const char* text = nullptr;
    api.getErrorString(status, &text);
    return fail(ErrorKind::Unavailable,
                "the NVIDIA driver does not start: " + std::string(text ? text : std::to_string(status)),
                "does nvidia-smi list a device, and may this user open /dev/nvidia*?");
  }
  return api;
}

ErrorKind kindOf(int status) {
  if (status == OutOfMemory || status == LaunchOutOfResources) return ErrorKind::OutOfResources;
  if (status == LaunchTimeout) return ErrorKind::TimedOut;
  if (status == InvalidImage) return ErrorKind::InvalidInput;
  if (status == NoBinaryForDevice || status == UnsupportedPtxVersion) return ErrorKind::Unsupported;
  return isFault(status) ? ErrorKind::Faulted : ErrorKind::Internal;
}

} // namespace

const Result<Driver>& driver() {
  static const Result<Driver> opened = openDriver();
  return opened;
}

bool isFault(int status) {
  return status == IllegalAddress || (status >= Assertion && status <= LaunchFailed);
}

Error driverError(int status, const std::string& what) {
  const char *errorName = nullptr, *text = nullptr;
  if (driver()) {
    driver()->getErrorName(status, &errorName);
    driver()->getErrorString(status, &text);
  }
  return {kindOf(status), what + ": " + (errorName ? errorName : "CUDA status " + std::to_string(status)) +
                              (text ? std::string(": ") + text : "")};
}

Result<int> deviceOfPointer(Address address) {
  if (!driver()) return fail(driver().error());
  int index = -1;
  const int status = driver()->pointerGetAttribute(&index, deviceOrdinalOfPointer, address);
  if (status != Success || index < 0)
    return fail(ErrorKind::InvalidInput,
                "address " + std::to_string(address) + " is of no CUDA device that this process uses");
  return index;
}

int driverCudaVersion() {
  int number = 0;
  if (driver()) driver()->driverGetVersion(&number);
  return number;
}

std::string driverVersion() {
  std::string version;
  // The driver's interface tells only the CUDA version; the kernel module tells its own.
  std::ifstream("/sys/module/nvidia/version") >> version;
  if (version.empty()) {
    // "NVRM version: NVIDIA UNIX … Kernel Module  580.159.04  Release Build …"
    std::ifstream file("/proc/driver/nvidia/version");
    std::string line;
    std::getline(file, line);
    std::istringstream words(line);
    for (std::string word; words >> word;)
      if (std::isdigit(static_cast<unsigned char>(word.front())) && word.find('.') != std::string::npos) {
        version = word;
        break;
      }
  }
  int number = driverCudaVersion();
  std::string cuda = "CUDA " + std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
  return version.empty() ? cuda : version + " (" + cuda + ")";
}

} // namespace tuned::cuda
