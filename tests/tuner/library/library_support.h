// Kernels of the library, run by the scalar evaluator, and the numbers of their buffers.
#pragma once

#include "ir/kernel/kernel.h"

#include <map>

namespace tuned::library {

using Values = std::vector<double>;

/// One launch: what the buffers held before and what is in the outputs now.
struct Run {
  std::map<std::string, Values> before, after;
};

/// A document of configs/kernels by its name.
Kernel load(const std::string& name);
/// Runs all programs; `changes` are to the default configuration. Also checks the guards around buffers.
Run launch(const Kernel& kernel, const Configuration& changes, const Sizes& sizes);
Run launch(const std::string& name, const Configuration& changes, const Sizes& sizes);
/// Each element within absolute + relative · |expected|.
void checkClose(const Values& got, const Values& expected, double relative, double absolute);

/// The kernels in Triton IR of a folder of documents, in name order.
Result<std::vector<Kernel>> kernelsIn(const std::string& folder);

/// Sizes that a document of the library is tried at: even ones, ragged ones, tiny ones.
std::vector<Sizes> sizesFor(const Kernel& kernel);

} // namespace tuned::library
