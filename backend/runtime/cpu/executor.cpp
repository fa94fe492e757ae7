#include "backend/runtime/cpu/executor.h"

#include "backend/runtime/cpu/openmp.h"
#include "backend/runtime/cpu/symbols.h"

#include <cstdio>
#include <sched.h>

namespace tuned::cpu {

int allowedCores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Executor::Executor(int threads, Threads whose)
    : threads_(threads > 0 ? threads : allowedCores()), asked_(threads > 0), whose_(whose),
      pool_(whose == Threads::Own ? std::make_unique<ThreadPool>(threads_) : nullptr),
      scratch_(static_cast<size_t>(threads_)) {}

void Executor::share(int64_t count, const Pieces::Body& body, const std::atomic<bool>& stop) {
  const OpenMp* openMp = whose_ == Threads::OpenMpFirst && count > 1 ? OpenMp::ofProcess() : nullptr;
  if (openMp) {
    const int threads = asked_ ? threads_ : std::clamp(openMp->threads(), 1, threads_);
    Pieces pieces(count, threads, body, stop);
    return openMp->run(threads, [&](int thread) { pieces.take(thread); });
  }
  if (!pool_) pool_ = std::make_unique<ThreadPool>(threads_);
  pool_->run(count, body, stop);
}

Result<void> Executor::grow(int64_t scratchBytes) {
  constexpr size_t page = 4096;
  const size_t bytes = (static_cast<size_t>(scratchBytes) + page - 1) / page * page;
  if (bytes <= scratchBytes_) return {};
  scratchBytes_ = 0;
  for (auto& scratch : scratch_) {
    scratch.reset();
    scratch.reset(std::aligned_alloc(page, bytes));
    if (!scratch)
      return fail(ErrorKind::OutOfResources,
                  "no memory for " + std::to_string(bytes) + " bytes of tiles a thread");
  }
  scratchBytes_ = bytes;
  return {};
}

Result<void> Executor::reserve(int64_t scratchBytes) {
  const std::lock_guard lock(launching_);
  return grow(scratchBytes);
}

Result<void> Executor::spread(int64_t count, int64_t scratchBytes, const Pieces::Body& body) {
  const std::lock_guard lock(launching_);
  if (auto ready = grow(scratchBytes); !ready) return ready;
  LaunchState state;
  share(
      count,
      [&](int thread, int64_t first, int64_t last) {
        setLaunchState(&state);
        body(thread, first, last);
        setLaunchState(nullptr);
      },
      state.failed);
  if (!state.printed.empty()) {
    std::fwrite(state.printed.data(), 1, state.printed.size(), stdout);
    std::fflush(stdout);
  }
  if (state.failed) return fail(ErrorKind::Faulted, state.message);
  return {};
}

void Executor::each(int64_t count, const Pieces::Body& body) {
  const std::lock_guard lock(launching_);
  const std::atomic<bool> never = false;
  share(count, body, never);
}

namespace {

std::array<int32_t, 3> narrow(const Grid& grid) {
  return {static_cast<int32_t>(grid[0]), static_cast<int32_t>(grid[1]), static_cast<int32_t>(grid[2])};
}

} // namespace

Result<void> Executor::run(KernelFunction function, int64_t scratchBytes, const Grid& grid,
                           const uint64_t* slots) {
  const std::array<int32_t, 3> grid32 = narrow(grid);
  return spread(grid[0] * grid[1] * grid[2], scratchBytes, [&](int thread, int64_t first, int64_t last) {
    function(slots, first, last, grid32.data(), scratch_[static_cast<size_t>(thread)].get());
  });
}

Result<void> Executor::runSome(KernelFunction function, int64_t scratchBytes, const Grid& grid,
                               const uint64_t* slots, std::span<const int64_t> instances) {
  const std::array<int32_t, 3> grid32 = narrow(grid);
  return spread(
      static_cast<int64_t>(instances.size()), scratchBytes, [&](int thread, int64_t first, int64_t last) {
        void* scratch = scratch_[static_cast<size_t>(thread)].get();
        for (int64_t each : instances.subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)))
          function(slots, each, each + 1, grid32.data(), scratch);
      });
}

} // namespace tuned::cpu
