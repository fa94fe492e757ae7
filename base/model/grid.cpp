#include "base/model/grid.h"

namespace tuned {

std::string gridText(const std::array<int64_t, 3>& grid) {
  return std::to_string(grid[0]) + " × " + std::to_string(grid[1]) + " × " + std::to_string(grid[2]);
}

Result<void> checkGrid(const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& limit,
                       std::string_view where) {
  int64_t programs = 1;
  for (size_t axis = 0; axis < grid.size(); ++axis) {
    if (grid[axis] < 1 || grid[axis] > limit[axis])
      return fail(ErrorKind::InvalidInput, "grid dimension " + std::to_string(axis) + " is " +
                                               std::to_string(grid[axis]) + "; " + std::string(where) +
                                               " takes 1 to " + std::to_string(limit[axis]));
    if (__builtin_mul_overflow(programs, grid[axis], &programs))
      return fail(ErrorKind::InvalidInput,
                  "a grid of " + gridText(grid) + " has more programs than can be counted");
  }
  return {};
}

} // namespace tuned
