#include "backend/gpu/layout/conversion.h"

#include <algorithm>

namespace tuned::nvptx {
namespace {

/// Writes a vector of the tensor as (register, lane) of `from`. Fewer lanes are better: registers come first.
struct Source {
  explicit Source(const LinearLayout& from) : registerBits(from.registers.size()), span(from.registers) {
    for (uint32_t vector : from.lanes)
      span.add(vector);
  }
  bool solve(uint32_t vector, uint32_t& reg, uint32_t& lane) const {
    auto members = span.coordinates(vector);
    if (!members) return false;
    reg = static_cast<uint32_t>(*members & ((uint64_t{1} << registerBits) - 1));
    lane = static_cast<uint32_t>(*members >> registerBits);
    return true;
  }
  size_t registerBits;
  Span span;
};

bool allZero(const Bases& bases) {
  return std::ranges::all_of(bases, [](uint32_t vector) { return vector == 0; });
}

} // namespace

bool WarpMove::withinThread() const {
  if (!allZero(sourceLane.fromRegister) || !allZero(sourceLane.fromWarp)) return false;
  for (size_t bit = 0; bit < sourceLane.fromLane.size(); ++bit)
    if (sourceLane.fromLane[bit] != 1u << bit) return false;
  return true;
}

bool WarpMove::rename() const {
  return withinThread() && allZero(sourceRegister.fromLane) && allZero(sourceRegister.fromWarp);
}

unsigned WarpMove::candidates() const {
  Span span(sourceRegister.fromLane);
  for (uint32_t vector : sourceRegister.fromWarp)
    span.add(vector);
  return 1u << span.rank();
}

std::optional<WarpMove> planWarpMove(const LinearLayout& from, const LinearLayout& to) {
  Source source(from);
  WarpMove move;
  auto append = [&](WarpMove::Map& registers, Bases WarpMove::Map::*input, uint32_t reg, uint32_t lane) {
    (registers.*input).push_back(reg);
    (move.sourceLane.*input).push_back(lane);
  };
  for (uint32_t vector : to.registers) {
    uint32_t reg = 0, lane = 0;
    if (!source.solve(vector, reg, lane)) return std::nullopt;
    append(move.sourceRegister, &WarpMove::Map::fromRegister, reg, lane);
  }
  for (size_t bit = 0; bit < to.lanes.size(); ++bit) {
    uint32_t reg = 0, lane = 0;
    // Staying in the lane is free: only what the lane does not hold by itself has to be fetched.
    uint32_t rest = to.lanes[bit] ^ from.lanes[bit];
    bool inThread = source.solve(rest, reg, lane) && lane == 0;
    if (inThread)
      lane = 1u << bit;
    else if (!source.solve(to.lanes[bit], reg, lane))
      return std::nullopt;
    append(move.sourceRegister, &WarpMove::Map::fromLane, reg, lane);
  }
  for (size_t bit = 0; bit < to.warps.size(); ++bit) {
    uint32_t reg = 0, lane = 0;
    if (!source.solve(to.warps[bit] ^ from.warps[bit], reg, lane)) return std::nullopt;
    append(move.sourceRegister, &WarpMove::Map::fromWarp, reg, lane);
  }
  return move;
}

Conversion planConversion(const LinearLayout& from, const LinearLayout& to, unsigned elementBytes) {
  // A shuffle moves 4 bytes; an exchange costs two barriers, and a store and a load a vector.
  constexpr unsigned shufflesWorthABarrier = 16;
  if (auto move = planWarpMove(from, to)) {
    unsigned words = (elementBytes + 3) / 4;
    unsigned moves = to.registerCount() * move->candidates();
    if (move->rename() || (move->withinThread() && moves <= 4 * to.registerCount())) return *move;
    if (moves * words <= shufflesWorthABarrier) return *move;
  }
  return planExchange(from, to, elementBytes);
}

uint32_t scratchBytes(const Conversion& conversion) {
  const auto* exchange = std::get_if<SharedExchange>(&conversion);
  return exchange ? exchange->bytes : 0;
}

} // namespace tuned::nvptx
