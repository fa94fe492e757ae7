// What an expression may be at most.
#pragma once

#include <cstddef>

namespace tuned {

inline constexpr size_t longestExpression = 4096; ///< characters

} // namespace tuned
