// Structure-aware mutation of kernel IR text: lines, operands, types, numbers, words and attributes are moved
// about.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace tuned {

class Mutator {
public:
  /// `corpus` is borrowed; lines of other texts are spliced in. The same seed gives the same text.
  Mutator(const std::vector<std::string>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  /// A text of the corpus after one to eight changes.
  std::string next();

private:
  size_t below(size_t n) { return n == 0 ? 0 : std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  void change(std::vector<std::string>& lines);
  void replaceToken(std::string& line, char kind, const std::vector<std::string>& lines);

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

} // namespace tuned
