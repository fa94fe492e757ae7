#include "backend/gpu/layout/linear_layout.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace tuned::nvptx {
namespace {

constexpr std::array<Bases LinearLayout::*, 3> inputs = {&LinearLayout::registers, &LinearLayout::lanes,
                                                         &LinearLayout::warps};

/// The index of the same coordinates in a tensor of another shape.
uint32_t relocate(uint32_t index, const LinearLayout& from, const LinearLayout& to, bool scale) {
  uint32_t result = 0;
  for (unsigned dim = 0; dim < from.shape.size(); ++dim) {
    uint32_t coordinate = from.coordinate(index, dim);
    if (scale) coordinate *= static_cast<uint32_t>(to.shape[dim] / from.shape[dim]);
    result |= coordinate << to.dimShift(dim);
  }
  return result;
}

} // namespace

uint32_t LinearLayout::elements() const {
  uint32_t count = 1;
  for (int64_t size : shape)
    count *= static_cast<uint32_t>(size);
  return count;
}

unsigned LinearLayout::dimShift(unsigned dim) const {
  unsigned shift = 0;
  for (size_t later = dim + 1; later < shape.size(); ++later)
    shift += log2Exact(static_cast<uint64_t>(shape[later]));
  return shift;
}

uint32_t LinearLayout::dimMask(unsigned dim) const {
  return (static_cast<uint32_t>(shape[dim]) - 1) << dimShift(dim);
}

bool LinearLayout::coversAll() const {
  Span span(registers);
  for (const Bases* more : {&lanes, &warps})
    for (uint32_t vector : *more)
      span.add(vector);
  return span.rank() == elementBits();
}

bool LinearLayout::separable() const {
  auto alongOne = [&](uint32_t vector) {
    unsigned dims = 0;
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      dims += (vector & dimMask(dim)) != 0;
    return dims <= 1;
  };
  return std::ranges::all_of(inputs, [&](auto input) { return std::ranges::all_of(this->*input, alongOne); });
}

std::string LinearLayout::text() const {
  std::ostringstream out;
  const char* names[] = {"registers", " lanes", " warps"};
  for (size_t i = 0; i < inputs.size(); ++i) {
    out << names[i] << " [";
    const Bases& bases = this->*inputs[i];
    for (size_t bit = 0; bit < bases.size(); ++bit)
      out << (bit ? ", " : "") << bases[bit];
    out << "]";
  }
  return out.str();
}

FreeVariables freeVariables(const LinearLayout& layout) {
  Span span;
  auto scan = [&](const Bases& bases) {
    uint32_t mask = 0;
    for (size_t bit = 0; bit < bases.size(); ++bit)
      if (!span.add(bases[bit])) mask |= 1u << bit;
    return mask;
  };
  FreeVariables free;
  free.registers = scan(layout.registers);
  free.lanes = scan(layout.lanes);
  free.warps = scan(layout.warps);
  return free;
}

Bases pseudoInverse(const LinearLayout& layout) {
  Span span(layout.registers);
  for (const Bases* more : {&layout.lanes, &layout.warps})
    for (uint32_t vector : *more)
      span.add(vector);
  Bases inverse;
  for (unsigned bit = 0; bit < layout.elementBits(); ++bit)
    inverse.push_back(static_cast<uint32_t>(span.coordinates(1u << bit).value_or(0)));
  return inverse;
}

LinearLayout compose(const Bases& outer, const LinearLayout& layout, std::vector<int64_t> shape) {
  LinearLayout result{std::move(shape), layout.registers, layout.lanes, layout.warps};
  for (auto input : inputs)
    for (uint32_t& vector : result.*input)
      vector = combine(outer, vector);
  return result;
}

LinearLayout product(const LinearLayout& inner, const LinearLayout& outer) {
  LinearLayout result;
  for (size_t dim = 0; dim < inner.shape.size(); ++dim)
    result.shape.push_back(inner.shape[dim] * outer.shape[dim]);
  for (auto input : inputs) {
    for (uint32_t vector : inner.*input)
      (result.*input).push_back(relocate(vector, inner, result, false));
    for (uint32_t vector : outer.*input)
      (result.*input).push_back(relocate(vector, outer, result, true));
  }
  return result;
}

std::optional<LinearLayout> divideLeft(const LinearLayout& layout, const LinearLayout& inner) {
  if (inner.shape.size() != layout.shape.size()) return std::nullopt;
  LinearLayout outer;
  for (size_t dim = 0; dim < inner.shape.size(); ++dim) {
    if (layout.shape[dim] % inner.shape[dim] != 0) return std::nullopt;
    outer.shape.push_back(layout.shape[dim] / inner.shape[dim]);
  }
  for (auto input : inputs) {
    const Bases& all = layout.*input;
    size_t low = (inner.*input).size();
    if (all.size() < low) return std::nullopt;
    for (size_t bit = low; bit < all.size(); ++bit) {
      uint32_t vector = 0;
      for (unsigned dim = 0; dim < outer.shape.size(); ++dim)
        vector |= static_cast<uint32_t>(layout.coordinate(all[bit], dim) / inner.shape[dim])
                  << outer.dimShift(dim);
      (outer.*input).push_back(vector);
    }
  }
  if (product(inner, outer) != layout) return std::nullopt;
  return outer;
}

} // namespace tuned::nvptx
