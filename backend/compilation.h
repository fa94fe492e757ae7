// What the compilers of modules for NVIDIA targets share: where the time went, how the arguments are passed,
// and which grid a build is for.
#pragma once

#include "backend/artefact.h"
#include "ir/dialect/Dialect.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tuned {

/// Adds the seconds since the last call to a phase.
class CompileClock {
public:
  explicit CompileClock(std::map<std::string, double>& into) : phases(into) {}
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

/// What divides the arguments, as the function says, is told to the code: accesses are as wide as that
/// allows.
inline void requireDivisors(LaunchMetadata& launch, tt::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto said = function.getArgAttrOfType<mlir::IntegerAttr>(i, "tt.divisibility");
    if (said && said.getInt() > 1 &&
        mlir::isa<tt::PointerType, mlir::IntegerType>(function.getArgumentTypes()[i]))
      require(launch.conditions, {.kind = LaunchCondition::Kind::Divisible,
                                  .argument = static_cast<int>(i),
                                  .value = said.getInt()});
  }
}

/// A build that knew its grid is right for that grid: bounds and views were proven of its programs.
inline void requireGrid(LaunchMetadata& launch, const std::optional<std::array<int64_t, 3>>& grid) {
  if (grid) require(launch.conditions, {.kind = LaunchCondition::Kind::Grid, .programs = *grid});
}

} // namespace tuned
