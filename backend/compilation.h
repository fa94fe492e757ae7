// What the compilers of modules for NVIDIA targets share: where the time went, and how the arguments are
// passed.
#pragma once

#include "backend/artefact.h"
#include "ir/dialect/Dialect.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace tuned {

/// Adds the seconds since the last call to a phase.
class PhaseClock {
public:
  explicit PhaseClock(std::map<std::string, double>& into) : phases(into) {}
  void end(const char* phase) {
    auto now = std::chrono::steady_clock::now();
    phases[phase] += std::chrono::duration<double>(now - last).count();
    last = now;
  }

private:
  std::map<std::string, double>& phases;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

/// Slots in the order of the function's arguments; a host descriptor is its base, and its shape and strides
/// follow.
inline std::vector<ParameterSlot> parameterSlots(tt::FuncOp function) {
  std::vector<ParameterSlot> slots;
  for (mlir::Type type : function.getArgumentTypes()) {
    if (mlir::isa<tt::PointerType, tt::TensorDescType>(type))
      slots.push_back({ParameterKind::Pointer, 8});
    else
      slots.push_back({ParameterKind::Scalar, std::max(8, static_cast<int>(tt::elementBits(type))) / 8});
  }
  return slots;
}

} // namespace tuned
