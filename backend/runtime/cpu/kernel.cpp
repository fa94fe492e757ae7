#include "backend/runtime/cpu/kernel.h"

#include "backend/runtime/cpu/executor.h"
#include "base/model/grid.h"

#include <charconv>
#include <pthread.h>

namespace tuned::cpu {
namespace {

/// GPU_TUNED_CPU_THREADS, or 0: all allowed cores, or what OpenMP is set to where it runs the launches.
int threadsWanted() {
  const char* text = std::getenv("GPU_TUNED_CPU_THREADS");
  int threads = 0;
  if (text) std::from_chars(text, text + std::char_traits<char>::length(text), threads);
  return std::clamp(threads, 0, 1024);
}

std::atomic<Executor*>& slot() {
  static std::atomic<Executor*> executor = nullptr;
  return executor;
}

/// The process's executor. It is never destroyed: threads of the program may launch while it exits. A forked
/// child has none of its parent's threads and makes an executor of its own.
Executor& sharedExecutor() {
  static std::mutex making;
  if (Executor* known = slot().load(std::memory_order_acquire)) return *known;
  const std::lock_guard lock(making);
  if (Executor* known = slot().load(std::memory_order_acquire)) return *known;
  static const int registered = pthread_atfork([] { making.lock(); }, [] { making.unlock(); },
                                               [] {
                                                 slot().store(nullptr, std::memory_order_release);
                                                 making.unlock();
                                               });
  static_cast<void>(registered);
  auto* made = new Executor(threadsWanted(), Executor::Threads::OpenMpFirst);
  slot().store(made, std::memory_order_release);
  return *made;
}

class CpuKernel final : public runtime::Kernel {
public:
  CpuKernel(std::unique_ptr<LoadedObject> object, LaunchMetadata launch)
      : Kernel(std::move(launch)), object_(std::move(object)) {}

  Result<void> launch(std::span<const uint64_t> slots, const Grid& grid, void*) const override {
    // Behind the parameters a kernel with descriptors reads one slot each; those are refused when it is
    // loaded.
    if (slots.size() != launch_.parameters.size())
      return fail(ErrorKind::InvalidInput, "'" + launch_.symbol + "' takes " +
                                               std::to_string(launch_.parameters.size()) +
                                               " parameters, got " + std::to_string(slots.size()));
    if (auto sound = checkGrid(grid, {INT32_MAX, INT32_MAX, INT32_MAX}, "the CPU"); !sound) return sound;
    return sharedExecutor().run(object_->function(), launch_.scratchBytes, grid, slots.data());
  }

private:
  std::unique_ptr<LoadedObject> object_;
};

} // namespace

Result<std::unique_ptr<runtime::Kernel>> makeKernel(std::string_view bytes, const LaunchMetadata& launch) {
  auto object = loadObject(bytes, launch.symbol);
  if (!object) return fail(object.error());
  return std::make_unique<CpuKernel>(std::move(*object), launch);
}

} // namespace tuned::cpu
