// Places of buffers and barriers: random programs are run by threads that keep no pace.
#include "tests/backend/nvptx/shared_support.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>
#include <utility>

using namespace tuned::nvptx;

namespace {

/// Bytes live at one point, at most, or of one buffer that nothing accesses: no placement takes less.
uint32_t mostLive(const SharedProgram& program) {
  std::vector<uint32_t> bytes(program.points.size());
  auto live = livePoints(program);
  for (uint32_t buffer = 0; buffer < live.size(); ++buffer)
    for (uint32_t point : live[buffer])
      bytes[point] += program.buffers[buffer].bytes;
  for (const SharedBuffer& buffer : program.buffers)
    bytes.push_back(buffer.bytes);
  return std::ranges::max(bytes);
}

/// The least bytes of first fit over all orders of the buffers; some order is optimal.
uint32_t leastBytes(const SharedProgram& program) {
  auto live = livePoints(program);
  auto apart = [&](uint32_t a, uint32_t b) {
    std::vector<uint32_t> both;
    std::ranges::set_intersection(live[a], live[b], std::back_inserter(both));
    return !both.empty();
  };
  std::vector<uint32_t> order(program.buffers.size()), offsets(order.size());
  std::iota(order.begin(), order.end(), 0u);
  uint32_t least = ~0u;
  do {
    uint32_t peak = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      const SharedBuffer& buffer = program.buffers[order[i]];
      uint32_t& offset = offsets[order[i]] = 0;
      for (bool moved = true; std::exchange(moved, false);)
        for (size_t j = 0; j < i; ++j) {
          uint32_t end = offsets[order[j]] + program.buffers[order[j]].bytes;
          if (!apart(order[i], order[j]) || offset >= end || offset + buffer.bytes <= offsets[order[j]])
            continue;
          offset = (end + buffer.alignment - 1) / buffer.alignment * buffer.alignment;
          moved = true;
        }
      peak = std::max(peak, offset + buffer.bytes);
    }
    least = std::min(least, peak);
  } while (std::ranges::next_permutation(order).found);
  return least;
}

size_t accessPoints(const SharedProgram& program) {
  return static_cast<size_t>(std::ranges::count_if(
      program.points, [](const SharedPoint& point) { return !point.phases.front().empty(); }));
}

/// A straight line of operations that exchange through scratch.
SharedProgram exchanges(const std::vector<uint32_t>& bytes) {
  SharedProgram program;
  for (uint32_t i = 0; i < bytes.size(); ++i) {
    program.buffers.push_back({bytes[i]});
    program.points.push_back({{{{i, false, true}}, {{i, true, false}}}, {}, {}});
    if (i > 0) program.points[i - 1].successors = {i};
  }
  return program;
}

} // namespace

TEST_CASE("no two threads meet at a byte that one of them writes, and no barrier can be left out") {
  CHECK(rc::check([] {
    StructuredProgram program = randomProgram(2, *rc::gen::element(256u, 8192u));
    SharedPlacement placement = placeBuffers(program.shared, 1024);
    auto barriers = placeBarriers(program.shared, placement);
    bool complete = false;
    auto executions = traces(program, 3000, complete);
    RC_CLASSIFY(complete, "all executions seen");
    RC_CLASSIFY(!barriers.empty(), "barriers needed");
    for (const Trace& trace : executions)
      RC_ASSERT(!races(program.shared, placement, barriers, trace));
    RC_ASSERT(barriers.size() <= accessPoints(program.shared));
    for (size_t left = 0; left < barriers.size() && complete; ++left) {
      auto fewer = barriers;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(left));
      RC_ASSERT(std::ranges::any_of(
          executions, [&](const Trace& trace) { return races(program.shared, placement, fewer, trace); }));
    }
  }));
}

TEST_CASE("threads of any pace read what was last written") {
  CHECK(rc::check([] {
    StructuredProgram program = randomProgram(2, 128);
    SharedPlacement placement = placeBuffers(program.shared, *rc::gen::element(0u, 512u));
    auto barriers = placeBarriers(program.shared, placement);
    bool complete = false;
    auto executions = traces(program, 3000, complete);
    for (unsigned tries = 0; tries < 8; ++tries) {
      const Trace& trace = executions[*rc::gen::inRange<size_t>(0, executions.size())];
      RC_ASSERT(readsWhatWasWritten(program.shared, placement, barriers, trace, tries));
    }
  }));
}

TEST_CASE("the checks above see a lost barrier and a buffer in another's place") {
  SharedProgram two = exchanges({64, 64});
  SharedPlacement same{{0, 0}, 64};
  CHECK(races(two, same, {}, {0, 1}));
  CHECK_FALSE(races(two, same, {1}, {0, 1}));
  // Written, kept over an exchange, read.
  SharedProgram kept = exchanges({64, 64, 64});
  kept.points[0].phases = {{{0, false, true}}, {}};
  kept.points[2].phases = {{{0, true, false}}};
  for (unsigned seed = 0; seed < 100; ++seed) {
    CHECK_FALSE(readsWhatWasWritten(kept, {{0, 0, 0}, 64}, {1, 2}, {0, 1, 2}, seed));
    CHECK(readsWhatWasWritten(kept, {{0, 64, 0}, 128}, {}, {0, 1, 2}, seed));
  }
}

TEST_CASE("buffers live at once lie apart, aligned, in little more than the least memory") {
  CHECK(rc::check([] {
    StructuredProgram program = randomProgram(2, *rc::gen::element(256u, 8192u));
    const SharedProgram& shared = program.shared;
    uint32_t freeBytes = *rc::gen::element(0u, 4096u);
    SharedPlacement placement = placeBuffers(shared, freeBytes);
    auto live = livePoints(shared);
    for (uint32_t a = 0; a < shared.buffers.size(); ++a) {
      RC_ASSERT(placement.offsets[a] % shared.buffers[a].alignment == 0);
      RC_ASSERT(placement.offsets[a] + shared.buffers[a].bytes <= placement.bytes);
      for (uint32_t b = 0; b < a; ++b) {
        std::vector<uint32_t> both;
        std::ranges::set_intersection(live[a], live[b], std::back_inserter(both));
        RC_ASSERT(both.empty() || !placement.overlap(shared, a, b));
      }
    }
    // Alignments of up to 128 bytes leave gaps; a buffer that nothing accesses is never live, and has its
    // place.
    uint32_t atLeast = mostLive(shared);
    for (const SharedBuffer& buffer : shared.buffers)
      atLeast = std::max(atLeast, buffer.bytes);
    RC_ASSERT(placement.bytes <= std::max(freeBytes, 2 * atLeast + 256));
    if (shared.buffers.size() <= 5)
      RC_ASSERT(placement.bytes <= std::max(freeBytes, leastBytes(shared) * 9 / 8 + 128));
  }));
}

TEST_CASE("exchanges one after the other take turns where there is room") {
  SharedProgram small = exchanges({512, 512, 512, 512});
  SharedPlacement turns = placeBuffers(small, 4096);
  CHECK(turns.bytes == 1024);
  CHECK(placeBarriers(small, turns).empty());
  SharedPlacement tight = placeBuffers(small, 0);
  CHECK(tight.bytes == 512);
  CHECK(placeBarriers(small, tight) == std::vector<uint32_t>{1, 2, 3});
  // Beside a large one small ones find room.
  SharedProgram mixed = exchanges({8192, 256, 256, 256});
  SharedPlacement placed = placeBuffers(mixed, 4096);
  CHECK(placed.bytes == 8192);
  CHECK(placeBarriers(mixed, placed) == std::vector<uint32_t>{1});
}

TEST_CASE("a barrier that only the way into a loop needs stands in front of the loop") {
  // An exchange of 4096 bytes, then a loop over two small ones that do not meet.
  SharedProgram program = exchanges({4096, 256, 256});
  program.points.push_back({{{}}, {1, 4}, {}}); // 3: in front of the loop
  program.points.push_back({});                 // 4: behind it
  program.points[0].successors = {3};
  program.points[1].loop = program.points[2].loop = 3;
  program.points[2].successors = {1, 4};
  SharedPlacement placement = placeBuffers(program, 0);
  CHECK(placement.bytes == 4096);
  CHECK(placeBarriers(program, placement) == std::vector<uint32_t>{3});
}

TEST_CASE("a buffer that is filled in a loop and read after it keeps its place over the loop") {
  SharedProgram program = exchanges({256, 256, 256});
  program.points[0].phases = {{{0, false, true}}}; // filled
  program.points[1].phases = {{{1, false, true}}, {{1, true, false}}};
  program.points[2].phases = {{{0, true, false}}}; // read, and round again
  program.points[2].successors = {0};
  CHECK(livePoints(program)[0] == std::vector<uint32_t>{0, 1, 2});
  program.points[0].phases = {{}};
  program.points[2].phases = {{{0, true, true}}}; // grows from round to round
  CHECK(livePoints(program)[0] == std::vector<uint32_t>{0, 1, 2});
}
