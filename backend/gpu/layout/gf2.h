// Linear algebra over GF(2) on 32-bit vectors: what layouts are made of.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace tuned::nvptx {

/// One vector per input bit; the map sends an input to the XOR of the vectors of its set bits.
using Bases = std::vector<uint32_t>;

/// The XOR of the vectors that the bits of `input` choose. Bits beyond the bases count for nothing.
uint32_t combine(const Bases& bases, uint64_t input);

/// A growing linear span that remembers how each of its members is made of the vectors given to it.
class Span {
public:
  Span() = default;
  explicit Span(const Bases& bases);
  /// Adds the next vector (at most 64). True when it was not in the span before.
  bool add(uint32_t vector);
  bool contains(uint32_t vector) const { return coordinates(vector).has_value(); }
  /// Which of the vectors given (bit i: the i-th given to add) XOR to `vector`; nothing when it is outside.
  std::optional<uint64_t> coordinates(uint32_t vector) const;
  unsigned rank() const { return static_cast<unsigned>(rows.size()); }

private:
  struct Row {
    uint32_t vector;
    uint64_t members;
  };
  std::vector<Row> rows; // each with a leading bit of its own
  unsigned given = 0;
};

/// A basis of span(a) ∩ span(b).
Bases intersect(const Bases& a, const Bases& b);

/// Vectors of `candidates`, in order, that are independent of `of` and of those taken before them.
Bases independent(const Bases& candidates, const Bases& of);

/// log2 of a power of two.
inline unsigned log2Exact(uint64_t value) {
  return static_cast<unsigned>(std::countr_zero(value));
}

} // namespace tuned::nvptx
