#include "backend/runtime/cuda/kernel.h"

#include "backend/runtime/cuda/launch.h"
#include "backend/runtime/cuda/tensor_map.h"
#include "base/model/grid.h"

#include <array>

namespace tuned::cuda {
namespace {

constexpr size_t fewParameters = 64, fewMaps = 4;
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
  Result<void> check(std::span<const uint64_t> slots, const Grid& grid) const;
  /// With the tensor maps made, in `maps`, one each.
  Result<void> launchWith(std::span<ParameterValue> maps, std::span<const uint64_t> slots, const Grid& grid,
                          Stream stream) const;

  const Driver& api_;
  DeviceHandle device_ = 0;
  Context context_ = nullptr;
  Module module_ = nullptr;
  LaunchableFunction function_;
  TensorMaps maps_;
  std::optional<Grid> programs_; ///< the only grid that the build is right on, where it says one
};

Result<void> CudaKernel::load(std::string_view bytes, int index) {
  const std::string where = "cuda:" + std::to_string(index);
  auto maps = TensorMaps::of(api_, launch_);
  if (!maps) return fail(maps.error());
  maps_ = std::move(*maps);
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
  Function function = nullptr;
  if (int status = api_.moduleGetFunction(&function, module_, launch_.symbol.c_str()); status != Success)
    return fail(driverError(status, "finding '" + launch_.symbol + "' in its cubin"));
  for (const LaunchCondition& condition : launch_.conditions)
    if (condition.kind == LaunchCondition::Kind::Grid) programs_ = Grid(condition.programs);
  auto prepared = LaunchableFunction::prepare(api_, function, launch_, gridLimitOf(api_, device_), where);
  if (!prepared) return fail(prepared.error());
  function_ = std::move(*prepared);
  return {};
}

Result<void> CudaKernel::check(std::span<const uint64_t> slots, const Grid& grid) const {
  if (slots.size() != launch_.parameters.size())
    return fail(ErrorKind::InvalidInput, "'" + launch_.symbol + "' takes " +
                                             std::to_string(launch_.parameters.size()) + " parameters, got " +
                                             std::to_string(slots.size()));
  if (programs_ && *programs_ != grid)
    return fail(ErrorKind::InvalidInput,
                "'" + launch_.symbol + "' is right only on the grid that it was built for, " +
                    gridText(*programs_) + ", and was launched on " + gridText(grid),
                "ask for a build for these sizes");
  return function_.check(grid);
}

Result<void> CudaKernel::launch(std::span<const uint64_t> slots, const Grid& grid, void* stream) const {
  if (auto sound = check(slots, grid); !sound) return sound;
  if (maps_.count() == 0) return launchWith({}, slots, grid, static_cast<Stream>(stream));
  std::array<ParameterValue, fewMaps> few;
  std::vector<ParameterValue> many;
  if (maps_.count() > few.size()) many.resize(maps_.count());
  return launchWith(many.empty() ? std::span(few) : std::span(many), slots, grid,
                    static_cast<Stream>(stream));
}

Result<void> CudaKernel::launchWith(std::span<ParameterValue> maps, std::span<const uint64_t> slots,
                                    const Grid& grid, Stream stream) const {
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
  ContextScope scope(api_, context_);
  for (size_t i = 0; i < maps_.count(); ++i) {
    if (auto done = maps_.make(i, slots, maps[i]); !done) return done;
    pointers[maps_.parameterOf(i)] = maps[i].bytes.data();
  }
  const int status = function_.enqueue(grid, pointers, stream);
  if (status == Success) return {};
  return fail(driverError(status, "launching '" + launch_.symbol + "' on a grid of " + gridText(grid)));
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
