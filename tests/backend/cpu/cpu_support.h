// Compiles kernel text for the CPU and runs it on vectors of the test.
#pragma once

#include "backend/cpu/cpu.h"

#include <string>
#include <vector>

namespace tuned::test {

/// One device for all tests of a program.
Device& cpuDevice();

Result<Artefact> compileForCpu(const std::string& text, const CompileOptions& options = {});

/// A buffer argument of any element type, or a scalar.
template <typename T> ArgumentValue pointerTo(std::vector<T>& values) {
  return reinterpret_cast<uint64_t>(values.data());
}
inline ArgumentValue i32(int32_t value) {
  return Scalar{uint32_t(value), 4};
}

/// Compiles, loads and launches; the first error of the three.
Result<void> runOnCpu(const std::string& text, const Grid& grid, const std::vector<ArgumentValue>& arguments,
                      const CompileOptions& options = {});

/// A kernel of one program that stores `body`'s %y (tensor<NxOUT>) of its %x (tensor<NxIN>), element by
/// element.
std::string mapKernel(int elements, const std::string& in, const std::string& out, const std::string& body);

} // namespace tuned::test
