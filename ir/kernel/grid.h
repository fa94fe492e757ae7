// The grid that a function is launched with, when it is known: the attribute `tt.grid` of its tt.func. A
// build for exact sizes has one; program ids and whatever is computed from them then have bounds.
#pragma once

#include "ir/dialect/Dialect.h"

#include <array>
#include <optional>

namespace tuned::tt {

/// Programs along x, y and z, each at least 1.
using LaunchGrid = std::array<int64_t, 3>;

/// Writes the grid down: every launch of the function has to use it.
void setGrid(FuncOp function, const LaunchGrid& grid);
/// Nothing when the attribute is missing, or is not three positive numbers.
std::optional<LaunchGrid> gridOf(FuncOp function);

} // namespace tuned::tt
