// Loading a cubin, the check of what it takes before it is launched, and launching.
#include "backend/cuda/device.h"

#include <cstdlib>

namespace tuned::cuda {
namespace {

constexpr int warpThreads = 32;
constexpr int maxThreads = 1024;
constexpr std::array<int, 3> maxBlock = {1024, 1024, 64};
constexpr int registerUnit = 8; // registers of a thread are given out in eights

std::unexpected<Error> tooMuch(const std::string& what, int64_t taken, int64_t limit,
                               const std::string& where) {
  return fail(ErrorKind::OutOfResources,
              what + ": " + std::to_string(taken) + " wanted, " + where + " has " + std::to_string(limit));
}

} // namespace

/// A driver runs what tools of its own major version of CUDA made, and older: 13.0's runs 13.5's cubins. Its
/// own refusal would name neither version.
Result<void> checkDriver(const Artefact& artefact, int cudaVersion) {
  size_t space = artefact.assembler.find(' ');
  int made = space == std::string::npos ? 0 : std::atoi(artefact.assembler.c_str() + space + 1);
  int major = cudaVersion / 1000;
  if (made == 0 || major == 0 || made <= major) return {};
  return fail(ErrorKind::Unavailable,
              "the driver is too old for this build: it was made by " + artefact.assembler +
                  ", and the driver is of CUDA " + std::to_string(major) + "." +
                  std::to_string(cudaVersion % 1000 / 10),
              "install driver r580 or later for cubins of CUDA 13, or compile with an assembler of CUDA " +
                  std::to_string(major));
}

Result<void> CudaDevice::checkResources(const Artefact& artefact) const {
  const LaunchMetadata& launch = artefact.launch;
  int64_t product = 1;
  for (size_t axis = 0; axis < launch.block.size(); ++axis) {
    int extent = launch.block[axis];
    if (extent < 1 || extent > maxBlock[axis])
      return tooMuch(std::string("threads a CTA along ") + "xyz"[axis], extent, maxBlock[axis], info_.id);
    product *= extent;
  }
  if (product > maxThreads) return tooMuch("threads a CTA", product, maxThreads, info_.id);
  int64_t shared = std::max(artefact.resources.sharedBytes, launch.dynamicSharedBytes);
  if (info_.sharedBytesLimit > 0 && shared > info_.sharedBytesLimit)
    return tooMuch("shared memory bytes a CTA", shared, info_.sharedBytesLimit, info_.id);
  int64_t perThread = (artefact.resources.registers + registerUnit - 1) / registerUnit * registerUnit;
  int64_t threads = (product + warpThreads - 1) / warpThreads * warpThreads;
  if (artefact.resources.registers > 0 && info_.registersLimit > 0 &&
      perThread * threads > info_.registersLimit)
    return tooMuch("registers a CTA", perThread * threads, info_.registersLimit, info_.id);
  return {};
}

Result<std::unique_ptr<LoadedKernel>> CudaDevice::load(const Artefact& artefact) {
  if (artefact.format != "cubin")
    return fail(ErrorKind::InvalidInput,
                info_.id + " loads cubins, and this artefact is of format '" + artefact.format + "'");
  if (auto done = checkDriver(artefact, driverCudaVersion()); !done) return fail(done.error());
  if (auto done = checkResources(artefact); !done) return fail(done.error());
  if (auto done = enter(); !done) return fail(done.error());
  Module module = nullptr;
  if (auto done = check(api_.moduleLoadData(&module, artefact.bytes.data()),
                        "loading a cubin for " + artefact.target + " on " + info_.architecture);
      !done)
    return fail(done.error());
  auto kernel = std::make_unique<CudaKernel>(api_, module, artefact.launch, broken_);
  Function function = nullptr;
  if (auto done = check(api_.moduleGetFunction(&function, module, artefact.launch.symbol.c_str()),
                        "finding '" + artefact.launch.symbol + "' in the cubin");
      !done)
    return fail(done.error());
  auto prepared = LaunchableFunction::prepare(api_, function, artefact.launch, info_.gridLimit, info_.id);
  if (!prepared) return fail(prepared.error());
  kernel->function = std::move(*prepared);
  auto maps = TensorMaps::of(api_, artefact.launch);
  if (!maps) return fail(maps.error());
  kernel->maps = std::move(*maps);
  return kernel;
}

Result<void> CudaDevice::enqueue(LoadedKernel& loaded, const Grid& grid,
                                 std::vector<ParameterValue>& values) {
  auto& kernel = static_cast<CudaKernel&>(loaded);
  if (auto sound = kernel.function.check(grid); !sound) return sound;
  std::vector<void*> pointers;
  for (ParameterValue& value : values)
    pointers.push_back(value.bytes.data());
  return check(kernel.function.enqueue(grid, pointers.data(), stream_),
               "launching '" + kernel.launch.symbol + "'");
}

Result<std::vector<ParameterValue>> CudaDevice::packed(LoadedKernel& loaded, const Grid& grid,
                                                       std::span<const ArgumentValue> arguments) {
  const auto& kernel = static_cast<CudaKernel&>(loaded);
  const LaunchMetadata& launch = kernel.launch;
  auto values = packArguments(launch, arguments);
  if (!values) return values;
  if (!launch.conditions.empty()) {
    std::vector<LaunchValue> seen = launchValues(launch.parameters, *values);
    for (size_t i = 0; i < seen.size(); ++i)
      if (launch.parameters[i].takesAddress())
        seen[i].extent = buffers_.extentAt(static_cast<Address>(seen[i].value));
    if (auto checked = checkConditions(launch, seen, grid); !checked) return fail(checked.error());
  }
  if (auto done = kernel.maps.make(*values); !done) return fail(done.error());
  return values;
}

Result<void> CudaDevice::launch(LoadedKernel& kernel, const Grid& grid,
                                std::span<const ArgumentValue> arguments) {
  if (auto done = enter(); !done) return done;
  auto values = packed(kernel, grid, arguments);
  if (!values) return fail(values.error());
  if (auto done = enqueue(kernel, grid, *values); !done) return done;
  return finish();
}

} // namespace tuned::cuda
