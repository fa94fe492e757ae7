// The fuzzer's source of choices: the same seed gives the same mutant.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace tuned {

class Random {
public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  /// 0 … n-1; 0 where n is 0.
  size_t below(size_t n) { return n == 0 ? 0 : std::uniform_int_distribution<size_t>(0, n - 1)(engine_); }
  bool oneIn(size_t n) { return below(n) == 0; }
  /// An element of a list that is not empty.
  template <typename List> auto& of(List& list) { return list[below(std::size(list))]; }

private:
  std::mt19937_64 engine_;
};

} // namespace tuned
