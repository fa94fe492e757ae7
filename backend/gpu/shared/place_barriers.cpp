#include "backend/gpu/shared/place_barriers.h"

#include <algorithm>

namespace tuned::nvptx {
namespace {

class Barriers {
public:
  Barriers(const SharedProgram& program, const std::function<bool(uint32_t, uint32_t)>& meet)
      : program(program), meet(meet), inFront(program.points.size()) {}

  std::vector<uint32_t> run() {
    // As late as possible each: along a straight line that is the fewest there are.
    while (auto point = firstConflict())
      inFront[*point] = true;
    prune();
    for (uint32_t point = 0; point < inFront.size(); ++point)
      if (inFront[point]) hoist(point);
    prune();
    std::vector<uint32_t> result;
    for (uint32_t point = 0; point < inFront.size(); ++point)
      if (inFront[point]) result.push_back(point);
    return result;
  }

private:
  std::optional<uint32_t> firstConflict() const {
    auto pending = pendingAccesses(program, inFront);
    for (uint32_t point = 0; point < inFront.size(); ++point) {
      if (inFront[point]) continue;
      for (const BufferAccess& access : program.points[point].phases.front())
        for (const auto& [other, before] : pending[point])
          if (excludes(before, access) && meet(other, access.buffer)) return point;
    }
    return std::nullopt;
  }

  /// One may do the work of another, on the way back to a loop's start say: those in inner loops go first.
  void prune() {
    std::vector<uint32_t> all;
    for (uint32_t point = 0; point < inFront.size(); ++point)
      if (inFront[point]) all.push_back(point);
    std::ranges::stable_sort(all, std::greater(), [&](uint32_t point) { return program.depth(point); });
    for (uint32_t point : all) {
      inFront[point] = false;
      if (firstConflict()) inFront[point] = true;
    }
  }

  /// Out of as many loops as possible.
  void hoist(uint32_t point) {
    std::vector<uint32_t> loops;
    for (auto loop = program.points[point].loop; loop; loop = program.points[*loop].loop)
      loops.push_back(*loop);
    inFront[point] = false;
    for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
      bool known = inFront[*loop];
      inFront[*loop] = true;
      if (!firstConflict()) return;
      inFront[*loop] = known;
    }
    inFront[point] = true;
  }

  const SharedProgram& program;
  const std::function<bool(uint32_t, uint32_t)>& meet;
  std::vector<bool> inFront;
};

} // namespace

std::vector<uint32_t> placeBarriers(const SharedProgram& program, const SharedPlacement& placement) {
  return placeBarriers(program, [&](uint32_t a, uint32_t b) { return placement.overlap(program, a, b); });
}

std::vector<uint32_t> placeBarriers(const SharedProgram& program,
                                    const std::function<bool(uint32_t, uint32_t)>& meet) {
  return Barriers(program, meet).run();
}

} // namespace tuned::nvptx
