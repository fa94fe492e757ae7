// Tensors of pointers to descriptors, where they are provably windows over an array.
#pragma once

#include "base/model/launch_condition.h"
#include "ir/dialect/Dialect.h"

#include <array>
#include <optional>
#include <vector>

namespace tuned {

/// In functions with a dot, loads and stores whose pointers are the windows of a view
/// (ir/analysis/address/tile_view.h) become descriptor_load and descriptor_store, stores only with two and
/// more dimensions; a window whose columns are in memory order is transposed. The new descriptors stand at
/// the function's start, with constant shapes and strides, and their indices are in bounds for all programs.
/// `grid` is the launch's: without it little can be proven, and nothing changes. What the result takes for
/// granted of the arguments is added to `conditions`.
void promoteToViews(tt::FuncOp function, std::optional<std::array<int64_t, 3>> grid,
                    std::vector<LaunchCondition>& conditions);

} // namespace tuned
