#include "tests/backend/nvptx/shared_support.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace tuned::nvptx {
namespace {

class Generator {
public:
  explicit Generator(uint32_t largestBuffer) : largest(largestBuffer) {}

  StructuredProgram run(unsigned depth) {
    kept = *rc::gen::inRange(0u, 4u);
    for (unsigned buffer = 0; buffer < kept; ++buffer)
      newBuffer();
    uint32_t last = addPoint();
    program.body = body(depth, last);
    return std::move(program);
  }

private:
  uint32_t newBuffer() {
    uint32_t bytes = 16 * *rc::gen::inRange(1u, largest / 16 + 1);
    program.shared.buffers.push_back({bytes, 16u << *rc::gen::inRange(0u, 4u)});
    return static_cast<uint32_t>(program.shared.buffers.size() - 1);
  }
  uint32_t addPoint() {
    program.shared.points.push_back({{{}}, {}, loop});
    return static_cast<uint32_t>(program.shared.points.size() - 1);
  }
  void link(uint32_t from, uint32_t to) { program.shared.points[from].successors.push_back(to); }

  std::vector<Piece> body(unsigned depth, uint32_t& last) {
    std::vector<Piece> pieces;
    for (unsigned count = *rc::gen::inRange(depth, 5u); count > 0; --count) {
      uint32_t point = addPoint();
      link(last, point);
      Piece piece{Piece::Kind::Access, point, {}};
      unsigned kind = depth == 0 ? 0 : *rc::gen::inRange(0u, 4u);
      if (kind == 1)
        addLoop(piece, depth, last);
      else if (kind == 2)
        addBranch(piece, depth, last);
      else
        addAccess(last = point);
      pieces.push_back(std::move(piece));
    }
    return pieces;
  }

  void addLoop(Piece& piece, unsigned depth, uint32_t& last) {
    piece.kind = Piece::Kind::Loop;
    auto outer = loop;
    loop = piece.point;
    uint32_t entry = addPoint(), end = entry;
    link(piece.point, entry);
    piece.bodies.push_back(body(depth - 1, end));
    loop = outer;
    last = addPoint();
    for (uint32_t from : {piece.point, end})
      link(from, last);
    link(end, entry);
  }

  void addBranch(Piece& piece, unsigned depth, uint32_t& last) {
    piece.kind = Piece::Kind::Branch;
    std::vector<uint32_t> ends;
    for (int way = 0; way < 2; ++way) {
      ends.push_back(piece.point);
      piece.bodies.push_back(body(depth - 1, ends.back()));
    }
    last = addPoint();
    for (uint32_t end : ends)
      link(end, last);
  }

  /// What operations do: exchange through scratch, count in it, write or read a buffer that stays.
  void addAccess(uint32_t point) {
    std::vector<Phase> phases;
    if (kept == 0 || *rc::gen::inRange(0, 2) == 0) {
      uint32_t scratch = newBuffer();
      phases.push_back({{scratch, false, true}});
      if (*rc::gen::inRange(0, 4) == 0) phases.push_back({{scratch, true, true}});
      phases.push_back({{scratch, true, false}});
      if (*rc::gen::inRange(0, 4) == 0) phases.insert(phases.begin(), Phase());
    } else {
      uint32_t buffer = *rc::gen::inRange(0u, kept);
      bool reads = *rc::gen::arbitrary<bool>(), writes = !reads || *rc::gen::inRange(0, 4) == 0;
      phases.push_back({{buffer, reads, writes}});
      if (*rc::gen::inRange(0, 4) == 0) phases.push_back({});
    }
    program.shared.points[point].phases = std::move(phases);
  }

  StructuredProgram program;
  uint32_t largest;
  unsigned kept = 0;
  std::optional<uint32_t> loop;
};

/// Counts through all sequences of choices.
class Choices {
public:
  unsigned next(unsigned ways) {
    if (at == taken.size()) taken.push_back({0, ways});
    return taken[at++].first;
  }
  bool advance() {
    at = 0;
    while (!taken.empty() && taken.back().first + 1 == taken.back().second)
      taken.pop_back();
    if (taken.empty()) return false;
    ++taken.back().first;
    return true;
  }

private:
  std::vector<std::pair<unsigned, unsigned>> taken;
  size_t at = 0;
};

void walk(const std::vector<Piece>& body, Choices& choices, Trace& trace) {
  for (const Piece& piece : body) {
    trace.push_back(piece.point);
    if (piece.kind == Piece::Kind::Loop)
      for (unsigned rounds = choices.next(3); rounds > 0; --rounds)
        walk(piece.bodies[0], choices, trace);
    if (piece.kind == Piece::Kind::Branch) walk(piece.bodies[choices.next(2)], choices, trace);
  }
}

bool hasBarrier(const std::vector<uint32_t>& barriers, uint32_t point) {
  return std::ranges::binary_search(barriers, point);
}

/// What a thread does, one after the other.
struct Step {
  enum class Kind { Barrier, Access } kind;
  BufferAccess access{};
  uint32_t stamp = 0;    ///< what a write leaves
  uint32_t expected = 0; ///< what was written last; 0: nothing yet
};

std::vector<Step> steps(const SharedProgram& program, const std::vector<uint32_t>& barriers,
                        const Trace& trace) {
  std::vector<Step> all;
  std::vector<uint32_t> contents(program.buffers.size());
  uint32_t stamp = 0;
  for (uint32_t point : trace) {
    if (hasBarrier(barriers, point)) all.push_back({Step::Kind::Barrier});
    bool first = true;
    for (const Phase& phase : program.points[point].phases) {
      if (!std::exchange(first, false)) all.push_back({Step::Kind::Barrier});
      for (const BufferAccess& access : phase) {
        all.push_back({Step::Kind::Access, access, ++stamp, contents[access.buffer]});
        if (access.writes) contents[access.buffer] = stamp;
      }
    }
  }
  return all;
}

/// Three threads and their memory, in units of 16 bytes.
class SkewedMachine {
public:
  SkewedMachine(const SharedProgram& program, const SharedPlacement& placement, std::vector<Step> steps,
                unsigned seed)
      : program(program), placement(placement), all(std::move(steps)), memory(placement.bytes / 16 + 1),
        random(seed) {}

  bool run() {
    while (!std::ranges::all_of(at, [&](size_t step) { return step == all.size(); })) {
      auto waits = [&](size_t step) { return step == all.size() || all[step].kind == Step::Kind::Barrier; };
      if (std::ranges::all_of(at, waits)) { // they all wait at the same one
        for (size_t& step : at)
          if (step != all.size()) ++step;
        continue;
      }
      unsigned thread = random() % threads;
      // It runs on for a while, up to the next barrier at most.
      for (unsigned left = 1 + random() % 5; left > 0 && !waits(at[thread]); --left)
        if (!act(thread, all[at[thread]++])) return false;
    }
    return true;
  }

private:
  static constexpr unsigned threads = 3;

  bool act(unsigned thread, const Step& step) {
    uint32_t first = placement.offsets[step.access.buffer] / 16;
    uint32_t count = program.buffers[step.access.buffer].bytes / 16;
    for (uint32_t unit = 0; unit < count; ++unit) {
      bool mine = unit % threads == thread, look = step.access.reads && (mine || !step.access.writes);
      uint32_t& place = memory[first + unit];
      if (look && step.expected != 0 && place != step.expected) return false;
      if (mine && step.access.writes) place = step.stamp;
    }
    return true;
  }

  const SharedProgram& program;
  const SharedPlacement& placement;
  std::vector<Step> all;
  std::vector<uint32_t> memory;
  std::minstd_rand random;
  std::array<size_t, threads> at = {};
};

} // namespace

StructuredProgram randomProgram(unsigned depth, uint32_t largestBuffer) {
  return Generator(largestBuffer).run(depth);
}

std::vector<Trace> traces(const StructuredProgram& program, size_t limit, bool& complete) {
  std::vector<Trace> all;
  Choices choices;
  do {
    complete = all.size() < limit;
    if (!complete) break;
    all.push_back({0});
    walk(program.body, choices, all.back());
  } while (choices.advance());
  return all;
}

bool races(const SharedProgram& program, const SharedPlacement& placement,
           const std::vector<uint32_t>& barriers, const Trace& trace) {
  std::vector<BufferAccess> sinceBarrier;
  for (const Step& step : steps(program, barriers, trace)) {
    if (step.kind == Step::Kind::Barrier) {
      sinceBarrier.clear();
      continue;
    }
    uint32_t begin = placement.offsets[step.access.buffer];
    uint32_t end = begin + program.buffers[step.access.buffer].bytes;
    for (const BufferAccess& other : sinceBarrier) {
      uint32_t otherBegin = placement.offsets[other.buffer];
      bool meet = begin < otherBegin + program.buffers[other.buffer].bytes && otherBegin < end;
      if (meet && (other.writes || step.access.writes)) return true;
    }
    sinceBarrier.push_back(step.access);
  }
  return false;
}

bool readsWhatWasWritten(const SharedProgram& program, const SharedPlacement& placement,
                         const std::vector<uint32_t>& barriers, const Trace& trace, unsigned seed) {
  return SkewedMachine(program, placement, steps(program, barriers, trace), seed).run();
}

} // namespace tuned::nvptx
