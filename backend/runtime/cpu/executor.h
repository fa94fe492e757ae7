// Runs the program instances of a CPU launch on a pool of threads, each with room of its own for the kernel's
// tiles.
#pragma once

#include "backend/runtime/argument.h"
#include "backend/runtime/cpu/object.h"
#include "backend/runtime/cpu/thread_pool.h"

#include <cstdlib>
#include <span>

namespace tuned::cpu {

/// Cores that this process may run on.
int allowedCores();

class Executor {
public:
  /// 0 threads: one for each allowed core. The caller's thread is one of them.
  explicit Executor(int threads = 0);

  int threads() const { return pool_.size(); }

  /// Makes room ahead of a launch, so that a timed one does not. OutOfResources: there is none.
  Result<void> reserve(int64_t scratchBytes);

  /// Runs every instance of the grid (each axis from 1 up) and waits. `slots` is what KernelFunction takes,
  /// `scratchBytes` what each thread needs. What the kernel prints goes to stdout. Faulted: an assertion of
  /// the kernel failed, by its message. Launches of several threads run one after the other.
  Result<void> run(KernelFunction function, int64_t scratchBytes, const Grid& grid, const uint64_t* slots);

  /// The same for these instances of the grid alone, each by its number in launch order (x fastest).
  Result<void> runSome(KernelFunction function, int64_t scratchBytes, const Grid& grid, const uint64_t* slots,
                       std::span<const int64_t> instances);

  /// body(thread, first, last) for pieces of [0, count), on the threads that launches run on, between two of
  /// them; waits.
  void each(int64_t count, const ThreadPool::Body& body);

private:
  struct FreeDeleter {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  Result<void> grow(int64_t scratchBytes);
  /// The same of a kernel's program instances.
  Result<void> spread(int64_t count, int64_t scratchBytes, const ThreadPool::Body& body);

  ThreadPool pool_;
  std::mutex launching_;                                    ///< guards what follows
  std::vector<std::unique_ptr<void, FreeDeleter>> scratch_; ///< one a thread
  size_t scratchBytes_ = 0;
};

} // namespace tuned::cpu
