#include "tests/backend/nvptx/layout_support.h"

#include <doctest/doctest.h>
#include <set>

using namespace tuned::nvptx;

namespace {

unsigned randomWarps() {
  return powerOfTwo(0, 3);
}

/// Calls visit(reg, lane, warp, element) for every position.
template <typename Visit> void everywhere(const LinearLayout& layout, Visit visit) {
  for (uint32_t warp = 0; warp < 1u << layout.warps.size(); ++warp)
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t reg = 0; reg < layout.registerCount(); ++reg)
        visit(reg, lane, warp, layout.at(reg, lane, warp));
}

} // namespace

TEST_CASE("gf2: coordinates rebuild the vector, and intersections lie in both spans") {
  CHECK(rc::check([](const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    Bases left(a.begin(), a.begin() + std::min<size_t>(a.size(), 6));
    Bases right(b.begin(), b.begin() + std::min<size_t>(b.size(), 6));
    Span span(left), other(right);
    for (uint32_t vector = 0; vector < 256; ++vector)
      if (auto members = span.coordinates(vector)) RC_ASSERT(combine(left, *members) == vector);
    size_t inBoth = 0;
    Bases common = intersect(left, right);
    Span both(common);
    for (uint32_t vector = 0; vector < 256; ++vector) {
      bool expected = span.contains(vector) && other.contains(vector);
      RC_ASSERT(both.contains(vector) == expected);
      inBoth += expected;
    }
    RC_ASSERT(inBoth == size_t{1} << common.size());
  }));
}

TEST_CASE("every constructor covers the tensor, and free variables are exactly the replicas") {
  CHECK(rc::check([] {
    auto layout = randomLayout(randomShape(pick(1u, 6u)), randomWarps());
    RC_ASSERT(layout.lanes.size() == laneBits);
    RC_ASSERT(layout.coversAll());
    RC_ASSERT(layout.separable());
    FreeVariables free = freeVariables(layout);
    std::set<uint32_t> owned;
    everywhere(layout, [&](uint32_t reg, uint32_t lane, uint32_t warp, uint32_t element) {
      RC_ASSERT(element < layout.elements());
      if ((reg & free.registers) || (lane & free.lanes) || (warp & free.warps)) return;
      RC_ASSERT(owned.insert(element).second);
    });
    RC_ASSERT(owned.size() == layout.elements());
  }));
}

TEST_CASE("any map that is generated covers the tensor") {
  CHECK(rc::check([] { RC_ASSERT(anyLayout(randomShape(pick(1u, 6u)), randomWarps()).coversAll()); }));
}

TEST_CASE("the pseudo-inverse finds a place for every element") {
  CHECK(rc::check([] {
    auto layout = constructedOrAny(randomShape(2), randomWarps());
    Bases inverse = pseudoInverse(layout);
    auto registers = layout.registers.size();
    for (uint32_t element = 0; element < layout.elements(); ++element) {
      uint32_t place = combine(inverse, element);
      RC_ASSERT(layout.at(place & (layout.registerCount() - 1), place >> registers & 31,
                          place >> (registers + laneBits)) == element);
    }
  }));
}

TEST_CASE("division undoes the product") {
  CHECK(rc::check([] {
    auto inner = randomLayout(randomShape(2), 2), outer = randomLayout(randomShape(2), 2);
    auto whole = product(inner, outer);
    auto back = divideLeft(whole, inner);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == outer);
  }));
}

TEST_CASE("a slice holds the coordinates its parent holds, without the dimension") {
  CHECK(rc::check([] {
    auto shape = randomShape(3);
    auto layout = randomLayout(shape, randomWarps());
    unsigned dim = pick(0u, 3u);
    auto sliced = slice(layout, dim);
    RC_ASSERT(sliced.coversAll());
    for (uint32_t warp = 0; warp < 1u << layout.warps.size(); ++warp)
      for (uint32_t lane = 0; lane < 32; ++lane) {
        std::set<std::vector<uint32_t>> expected, found;
        for (uint32_t reg = 0; reg < layout.registerCount(); ++reg) {
          std::vector<uint32_t> at;
          for (unsigned d = 0; d < 3; ++d)
            if (d != dim) at.push_back(layout.coordinate(layout.at(reg, lane, warp), d));
          expected.insert(at);
        }
        for (uint32_t reg = 0; reg < sliced.registerCount(); ++reg) {
          uint32_t element = sliced.at(reg, lane, warp);
          found.insert({sliced.coordinate(element, 0), sliced.coordinate(element, 1)});
        }
        RC_ASSERT(found == expected);
        RC_ASSERT(found.size() == sliced.registerCount());
      }
  }));
}

TEST_CASE("transposing permutes coordinates and broadcasting forgets them") {
  CHECK(rc::check([] {
    auto shape = randomShape(3);
    auto layout = randomLayout(shape, randomWarps());
    auto order = randomOrder(3);
    auto turned = transpose(layout, order);
    everywhere(layout, [&](uint32_t reg, uint32_t lane, uint32_t warp, uint32_t element) {
      for (unsigned dim = 0; dim < 3; ++dim)
        RC_ASSERT(turned.coordinate(turned.at(reg, lane, warp), dim) ==
                  layout.coordinate(element, order[dim]));
    });
    auto narrow = shape;
    narrow[1] = 1;
    auto operand = unbroadcast(layout, narrow);
    RC_ASSERT(operand.coversAll());
    for (uint32_t lane = 0; lane < 32; ++lane) {
      std::set<uint32_t> wanted, held;
      for (uint32_t reg = 0; reg < layout.registerCount(); ++reg) {
        uint32_t element = layout.at(reg, lane, 0);
        wanted.insert(
            static_cast<uint32_t>(layout.coordinate(element, 0) * shape[2] + layout.coordinate(element, 2)));
      }
      for (uint32_t reg = 0; reg < operand.registerCount(); ++reg)
        held.insert(operand.at(reg, lane, 0));
      RC_ASSERT(wanted == held);
    }
  }));
}

TEST_CASE("mma fragments are where the PTX manual puts them") {
  // m16n8k16, 16-bit: group = lane / 4, thread = lane % 4.
  auto d = mmaAccumulator({16, 8}, {1, 1, 1}, false);
  auto a = mmaOperand(DotSide::A, {16, 16}, 16, {1, 1, 1});
  auto b = mmaOperand(DotSide::B, {16, 8}, 16, {1, 1, 1});
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t group = lane / 4, thread = lane % 4;
    for (uint32_t i = 0; i < 4; ++i)
      CHECK(d.at(i, lane, 0) == (group + 8 * (i / 2)) * 8 + 2 * thread + i % 2);
    for (uint32_t i = 0; i < 8; ++i) {
      uint32_t row = group + ((i / 2) % 2) * 8, column = thread * 2 + i % 2 + (i >= 4 ? 8 : 0);
      CHECK(a.at(i, lane, 0) == row * 16 + column);
    }
    for (uint32_t i = 0; i < 4; ++i)
      CHECK(b.at(i, lane, 0) == (thread * 2 + i % 2 + (i >= 2 ? 8 : 0)) * 8 + group);
  }
  auto bytes = mmaOperand(DotSide::A, {16, 32}, 8, {1, 1, 1});
  auto words = mmaOperand(DotSide::A, {16, 8}, 32, {1, 1, 1});
  for (uint32_t lane = 0; lane < 32; ++lane) {
    for (uint32_t i = 0; i < 16; ++i) {
      uint32_t row = lane / 4 + ((i / 4) % 2) * 8, column = lane % 4 * 4 + i % 4 + (i >= 8 ? 16 : 0);
      CHECK(bytes.at(i, lane, 0) == row * 32 + column);
    }
    for (uint32_t i = 0; i < 4; ++i)
      CHECK(words.at(i, lane, 0) == (lane / 4 + (i % 2) * 8) * 8 + lane % 4 + (i / 2) * 4);
  }
}

TEST_CASE("a scan's layout has the axis in order: registers, then lanes, then warps") {
  CHECK(rc::check([] {
    auto shape = randomShape(2);
    unsigned axis = pick(0u, 2u);
    auto layout = scanned(shape, axis, randomWarps());
    uint32_t last = 0;
    for (const Bases* bases : {&layout.registers, &layout.lanes, &layout.warps})
      for (uint32_t vector : *bases) {
        uint32_t step = layout.coordinate(vector, axis);
        if (step == 0) continue;
        RC_ASSERT(step == (last ? 2 * last : 1));
        last = step;
      }
    // Warps hold the same only of what is small.
    RC_ASSERT(freeVariables(layout).warps == 0u || layout.registerCount() <= 8);
  }));
}
