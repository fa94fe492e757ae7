// A libnvidia-ml.so.1 that knows one device, 0000:01:00.0, whose state is what the test has put into it.
#include "stub_nvml.h"

#include <algorithm>
#include <cstring>

StubNvml stubNvml;

extern "C" {
int nvmlInit_v2() {
  return stubNvml.initStatus;
}
const char* nvmlErrorString(int) {
  return "Stub Error";
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* busId, void** device) {
  *device = &stubNvml;
  return std::strcmp(busId, "0000:01:00.0") == 0 ? 0 : 6;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  *device = &stubNvml.part;
  return !stubNvml.part.empty() && stubNvml.part == uuid ? 0 : 6;
}
int nvmlDeviceGetGpuInstanceId(void* device, unsigned* number) {
  *number = stubNvml.partInstance;
  return device == &stubNvml.part ? 0 : 3; // of a whole GPU there is none
}
int nvmlDeviceGetClockInfo(void*, int type, unsigned* megahertz) {
  *megahertz = type == 1 ? 1980 : 2619;
  return 0;
}
int nvmlDeviceGetMaxClockInfo(void*, int, unsigned* megahertz) {
  *megahertz = 1980;
  return 0;
}
int nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
  *celsius = stubNvml.celsius;
  return 0;
}
// No nvmlDeviceGetPowerUsage: an older library.
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
  *millijoules = stubNvml.millijoules;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* bits) {
  *bits = stubNvml.slowdowns;
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* count, StubNvml::Process* out) {
  *count = static_cast<unsigned>(stubNvml.processes.size());
  std::ranges::copy(stubNvml.processes, out);
  return 0;
}
int nvmlDeviceGetProcessUtilization(void*, StubNvml::Sample* out, unsigned* count, unsigned long long since) {
  if (stubNvml.sampleStatus != 0) return stubNvml.sampleStatus;
  std::vector<StubNvml::Sample> fresh;
  std::ranges::copy_if(stubNvml.samples, std::back_inserter(fresh),
                       [&](const auto& sample) { return sample.microseconds > since; });
  const bool fits = fresh.size() <= *count;
  *count = static_cast<unsigned>(fresh.size());
  if (fits) std::ranges::copy(fresh, out);
  return fits ? 0 : 7;
}
}
