#include "backend/gpu/layout/gf2.h"

namespace tuned::nvptx {

uint32_t combine(const Bases& bases, uint64_t input) {
  uint32_t sum = 0;
  for (size_t bit = 0; bit < bases.size(); ++bit)
    if (input >> bit & 1) sum ^= bases[bit];
  return sum;
}

Span::Span(const Bases& bases) {
  for (uint32_t vector : bases)
    add(vector);
}

bool Span::add(uint32_t vector) {
  uint64_t members = uint64_t{1} << given++;
  for (const Row& row : rows)
    if (vector & std::bit_floor(row.vector)) {
      vector ^= row.vector;
      members ^= row.members;
    }
  if (vector == 0) return false;
  uint32_t leading = std::bit_floor(vector);
  for (Row& row : rows) // keeps every leading bit in one row only
    if (row.vector & leading) {
      row.vector ^= vector;
      row.members ^= members;
    }
  rows.push_back({vector, members});
  // Reduction may have moved no leading bit: each row keeps its own, for `leading` was in none of them as
  // leading.
  return true;
}

std::optional<uint64_t> Span::coordinates(uint32_t vector) const {
  uint64_t members = 0;
  for (const Row& row : rows)
    if (vector & std::bit_floor(row.vector)) {
      vector ^= row.vector;
      members ^= row.members;
    }
  if (vector != 0) return std::nullopt;
  return members;
}

Bases intersect(const Bases& a, const Bases& b) {
  // Zassenhaus on coordinates: a dependency among a ∪ b names a vector of both.
  Span span(independent(a, {}));
  Bases left = independent(a, {});
  Bases result;
  for (uint32_t vector : b) {
    auto members = span.coordinates(vector);
    if (!members) {
      span.add(vector);
      continue;
    }
    uint32_t common = combine(left, *members & ((uint64_t{1} << left.size()) - 1));
    if (common != 0) result.push_back(common);
  }
  return independent(result, {});
}

Bases independent(const Bases& candidates, const Bases& of) {
  Span span(of);
  Bases taken;
  for (uint32_t vector : candidates)
    if (span.add(vector)) taken.push_back(vector);
  return taken;
}

} // namespace tuned::nvptx
