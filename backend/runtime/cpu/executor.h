// Runs the program instances of a CPU launch on several threads, each with room of its own for the kernel's
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
  /// Whose threads run the launches: a pool of the executor, or the process's OpenMP runtime where it can
  /// (see OpenMp::ofProcess), else the pool.
  enum class Threads { Own, OpenMpFirst };

  /// 0 threads: one for each allowed core, and no more of OpenMP's than it is set to. The caller's thread is
  /// one of them.
  explicit Executor(int threads = 0, Threads whose = Threads::Own);

  /// The most that run at once.
  int threads() const { return threads_; }

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
  void each(int64_t count, const Pieces::Body& body);

private:
  struct FreeDeleter {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  Result<void> grow(int64_t scratchBytes);
  /// The same of a kernel's program instances.
  Result<void> spread(int64_t count, int64_t scratchBytes, const Pieces::Body& body);

  /// Hands `body` its pieces on threads of either kind; waits.
  void share(int64_t count, const Pieces::Body& body, const std::atomic<bool>& stop);

  const int threads_;
  const bool asked_; ///< the number was asked for
  const Threads whose_;
  std::mutex launching_;                                    ///< guards what follows
  std::unique_ptr<ThreadPool> pool_;                        ///< beside OpenMP made when it is first needed
  std::vector<std::unique_ptr<void, FreeDeleter>> scratch_; ///< one a thread
  size_t scratchBytes_ = 0;
};

} // namespace tuned::cpu
