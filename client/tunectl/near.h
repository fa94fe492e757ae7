// What was probably meant by a word that is none of those that are known.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tuned::tunectl {

/// Those of `known` from which one or two slips make `word`: a letter too many, too few, another one, or two
/// exchanged. The nearest alone, in the order of `known`; two slips in words of five letters and more. A word
/// that is the beginning of some has those.
std::vector<std::string> near(std::string_view word, std::span<const std::string> known);

} // namespace tuned::tunectl
