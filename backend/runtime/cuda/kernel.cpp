#include "backend/runtime/cuda/kernel.h"

#include "backend/runtime/cuda/driver.h"

#include <array>

namespace tuned::cuda {
namespace {

constexpr int64_t plainSharedBytes = 48 * 1024; // beyond this a function has to be allowed it
constexpr int portableCluster = 8;
constexpr size_t fewParameters = 64;
constexpr int relaxedCapture = 2; // CU_STREAM_CAPTURE_MODE_RELAXED

/// The context is this thread's while the scope lives; afterwards the one before is again, if there was one.
class ContextScope {
public:
  ContextScope(const Driver& api, Context context) : api_(api) {
    api_.contextGetCurrent(&before_);
    if (before_ == context) return;
    status_ = api_.contextSetCurrent(context);
    changed_ = true;
  }
  ~ContextScope() {
    if (changed_ && before_) api_.contextSetCurrent(before_);
  }
  ContextScope(const ContextScope&) = delete;
  int status() const { return status_; }

private:
  const Driver& api_;
  Context before_ = nullptr;
  int status_ = Success;
  bool changed_ = false;
};

/// Loading may allocate, which a capture in progress on another stream of the thread forbids unless it is
/// relaxed.
class RelaxedCapture {
public:
  explicit RelaxedCapture(const Driver& api) : api_(api) { api_.threadExchangeStreamCaptureMode(&mode_); }
  ~RelaxedCapture() { api_.threadExchangeStreamCaptureMode(&mode_); }
  RelaxedCapture(const RelaxedCapture&) = delete;

private:
  const Driver& api_;
  int mode_ = relaxedCapture;
};

class CudaKernel final : public runtime::Kernel {
public:
  CudaKernel(const Driver& api, LaunchMetadata launch) : Kernel(std::move(launch)), api_(api) {}
  ~CudaKernel() override {
    // At the end of the process the driver may be gone; then these fail, and nothing is lost.
    if (module_) {
      ContextScope scope(api_, context_);
      api_.moduleUnload(module_);
    }
    if (context_) api_.primaryContextRelease(device_);
  }

  Result<void> load(std::string_view bytes, int index);
  Result<void> launch(std::span<const uint64_t> slots, const Grid& grid, void* stream) const override;

private:
  Result<void> prepare();
  Result<void> refuse(std::span<const uint64_t> slots, const Grid& grid, int status) const;

  const Driver& api_;
  DeviceHandle device_ = 0;
  Context context_ = nullptr;
  Module module_ = nullptr;
  Function function_ = nullptr;
  LaunchAttribute cluster_ = {};
  std::optional<Grid> programs_; ///< the only grid that the build is right on, where it says one
};

Result<void> CudaKernel::load(std::string_view bytes, int index) {
  const std::string where = "cuda:" + std::to_string(index);
  if (api_.deviceGet(&device_, index) != Success)
    return fail(ErrorKind::Unavailable, "there is no device " + where,
                "look at nvidia-smi and CUDA_VISIBLE_DEVICES");
  if (int status = api_.primaryContextRetain(&context_, device_); status != Success) {
    context_ = nullptr;
    return fail(driverError(status, "making a context on " + where));
  }
  ContextScope scope(api_, context_);
  if (scope.status() != Success) return fail(driverError(scope.status(), "entering the context of " + where));
  RelaxedCapture relaxed(api_);
  const std::string image(
      bytes); // the driver reads to the end that the image tells; a copy has a zero behind it
  if (int status = api_.moduleLoadData(&module_, image.data()); status != Success)
    return fail(driverError(status, "loading '" + launch_.symbol + "' on " + where));
  if (int status = api_.moduleGetFunction(&function_, module_, launch_.symbol.c_str()); status != Success)
    return fail(driverError(status, "finding '" + launch_.symbol + "' in its cubin"));
  return prepare();
}

Result<void> CudaKernel::prepare() {
  for (const LaunchCondition& condition : launch_.conditions)
    if (condition.kind == LaunchCondition::Kind::Grid) programs_ = Grid(condition.programs);
  cluster_.id = clusterDimensionAttribute;
  cluster_.value.clusterDimensions[0] = static_cast<unsigned>(std::max(1, launch_.clusterSize));
  cluster_.value.clusterDimensions[1] = cluster_.value.clusterDimensions[2] = 1;
  if (launch_.dynamicSharedBytes > plainSharedBytes) {
    api_.funcSetCacheConfig(function_, preferShared);
    if (int status = api_.funcSetAttribute(function_, maxDynamicSharedBytes,
                                           static_cast<int>(launch_.dynamicSharedBytes));
        status != Success)
      return fail(ErrorKind::OutOfResources, "'" + launch_.symbol + "' takes " +
                                                 std::to_string(launch_.dynamicSharedBytes) +
                                                 " bytes of shared memory a CTA, more than the device has");
  }
  if (launch_.clusterSize > portableCluster)
    if (int status = api_.funcSetAttribute(function_, nonPortableClusterAllowed, 1); status != Success)
      return fail(driverError(status, "allowing a cluster of " + std::to_string(launch_.clusterSize)));
  return {};
}

Result<void> CudaKernel::launch(std::span<const uint64_t> slots, const Grid& grid, void* stream) const {
  if (slots.size() != launch_.parameters.size() || (programs_ && *programs_ != grid))
    return refuse(slots, grid, Success);
  std::array<void*, fewParameters> few;
  std::vector<void*> many;
  void** pointers = few.data();
  if (slots.size() > few.size()) {
    many.resize(slots.size());
    pointers = many.data();
  }
  // The driver copies as many bytes of each slot as the parameter has: the low ones, on a little-endian host.
  for (size_t i = 0; i < slots.size(); ++i)
    pointers[i] = const_cast<uint64_t*>(&slots[i]);
  // The grid counts programs; a cluster of n CTAs is one program, spread along the first axis.
  const unsigned clusterSize = cluster_.value.clusterDimensions[0];
  LaunchAttribute cluster = cluster_;
  const LaunchConfig config = {static_cast<unsigned>(grid[0]) * clusterSize,
                               static_cast<unsigned>(grid[1]),
                               static_cast<unsigned>(grid[2]),
                               static_cast<unsigned>(launch_.block[0]),
                               static_cast<unsigned>(launch_.block[1]),
                               static_cast<unsigned>(launch_.block[2]),
                               static_cast<unsigned>(launch_.dynamicSharedBytes),
                               static_cast<Stream>(stream),
                               clusterSize > 1 ? &cluster : nullptr,
                               clusterSize > 1 ? 1U : 0U};
  ContextScope scope(api_, context_);
  const int status = api_.launchKernelEx(&config, function_, pointers, nullptr);
  return status == Success ? Result<void>() : refuse(slots, grid, status);
}

Result<void> CudaKernel::refuse(std::span<const uint64_t> slots, const Grid& grid, int status) const {
  if (slots.size() != launch_.parameters.size())
    return fail(ErrorKind::InvalidInput, "'" + launch_.symbol + "' takes " +
                                             std::to_string(launch_.parameters.size()) + " parameters, got " +
                                             std::to_string(slots.size()));
  if (programs_ && *programs_ != grid)
    return fail(ErrorKind::InvalidInput,
                "'" + launch_.symbol + "' is right only on the grid that it was built for, " +
                    std::to_string((*programs_)[0]) + " × " + std::to_string((*programs_)[1]) + " × " +
                    std::to_string((*programs_)[2]) + ", and was launched on " + std::to_string(grid[0]) +
                    " × " + std::to_string(grid[1]) + " × " + std::to_string(grid[2]),
                "ask for a build for these sizes");
  return fail(driverError(status, "launching '" + launch_.symbol + "' on a grid of " +
                                      std::to_string(grid[0]) + " × " + std::to_string(grid[1]) + " × " +
                                      std::to_string(grid[2])));
}

} // namespace

Result<std::unique_ptr<runtime::Kernel>> makeKernel(std::string_view bytes, const LaunchMetadata& launch,
                                                    int index) {
  if (!driver()) return fail(driver().error());
  auto kernel = std::make_unique<CudaKernel>(*driver(), launch);
  if (auto done = kernel->load(bytes, index); !done) return fail(done.error());
  return kernel;
}

} // namespace tuned::cuda
