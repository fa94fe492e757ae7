// Grids of launches: numbers of programs along x, y and z.
#pragma once

#include "base/error.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tuned {

/// "64 × 1 × 1".
std::string gridText(const std::array<int64_t, 3>& grid);

/// InvalidInput names the first axis that has no program or more than `limit` allows, or says that there are
/// more programs in all than 64 bits count. `where` has the limit: "cuda:0".
Result<void> checkGrid(const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& limit,
                       std::string_view where);

} // namespace tuned
