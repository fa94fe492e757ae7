// Kernels of the library on the CPU, beside a baseline in the same run.
#pragma once

#include "backend/device.h"
#include "ir/kernel/kernel.h"

#include <functional>
#include <string>
#include <vector>

namespace tuned::bench {

/// A library kernel compiled for one configuration, with buffers of its arguments, ready to be launched.
class CpuKernel {
public:
  /// Ends the program with the error's text if anything fails: a benchmark has nobody to tell.
  CpuKernel(Device& device, const std::string& document, const Configuration& configuration,
            const Sizes& sizes);

  void launch();
  float* buffer(const std::string& argument);
  double compileSeconds() const { return compileSeconds_; }

private:
  Device& device_;
  Kernel kernel_;
  std::unique_ptr<LoadedKernel> loaded_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<ArgumentValue> arguments_;
  Grid grid_ = {1, 1, 1};
  double compileSeconds_ = 0;
};

/// The least seconds of `rounds` calls of each, taken in turns so that both see the same machine.
std::pair<double, double> fastest(int rounds, const std::function<void()>& ours,
                                  const std::function<void()>& theirs);

/// Splits [0, count) over `threads` threads.
void parallel(int threads, long count, const std::function<void(long first, long last)>& body);

/// Where the library's documents are: the first argument, or configs/kernels of the source tree.
std::string library(int argc, char** argv);

} // namespace tuned::bench
