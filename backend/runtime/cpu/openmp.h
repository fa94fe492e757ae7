// The OpenMP runtime that the process has anyway, in most of them PyTorch's, as a place to run launches on.
//
// Such a runtime's threads spin for milliseconds after a parallel region, in wait of the next one. Threads of
// our own would share each core with one that spins: a launch between two of PyTorch's took up to three times
// as long.
#pragma once

#include <functional>

namespace tuned::cpu {

class OpenMp {
public:
  /// The process's runtime, to be used by the calling thread until its next call. nullptr where launches need
  /// threads of our own: no runtime is loaded whose symbols all may use (a later call finds one that was
  /// loaded since); the process was forked and runs on without exec, so that the runtime's threads stayed in
  /// the parent and a region would wait for them for ever; or the caller is not the process's first thread,
  /// for a runtime starts threads for each thread that opens regions.
  static const OpenMp* ofProcess();

  /// Threads that a region of the calling thread gets, from 1 up: what OMP_NUM_THREADS or
  /// torch.set_num_threads say.
  int threads() const { return maxThreads_(); }

  /// body(thread) on up to `threads` threads (from 1 up), thread in [0, threads); waits. Inside another
  /// region there is one. `body` throws nothing.
  void run(int threads, const std::function<void(int thread)>& body) const;

private:
  /// Looks for the symbols among the loaded libraries.
  static OpenMp find();

  // The entry that GCC's code calls; LLVM's and Intel's runtimes have it, too.
  void (*parallel_)(void (*body)(void*), void* data, unsigned threads, unsigned flags) = nullptr;
  int (*threadNumber_)() = nullptr;
  int (*maxThreads_)() = nullptr;
};

} // namespace tuned::cpu
