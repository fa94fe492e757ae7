// How large a problem is, and how far from another, told from the sizes in their keys.
#pragma once

#include <string>

namespace tuned::store {

/// Sum of the binary logarithms of the sizes in a key; 0 where it is no object of positive integers.
double magnitudeOf(const std::string& sizes);

/// Sum of the squares of the binary logarithms of the factors between two problems' sizes: 1 where one size
/// is twice the other. Infinite where their names differ.
double distanceOf(const std::string& sizes, const std::string& others);

} // namespace tuned::store
