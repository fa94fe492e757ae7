// Mutation of kernel IR as text: lines, operands, types, numbers, words and characters are moved about. It
// reaches what no well-formed module holds.
#pragma once

#include "tests/fuzz/random.h"

#include <string>

namespace tuned {

/// `text` after one to eight changes; lines and words of `other` are used too (it may be the same text).
std::string mutateText(const std::string& text, const std::string& other, Random& random);

} // namespace tuned
