#include "backend/gpu/layout/mma.h"

#include <algorithm>

namespace tuned::nvptx {
namespace {

/// Adds basis vectors along named dimensions, dropping (registers) or zeroing (threads) what lies outside the
/// shape.
class Fragment {
public:
  explicit Fragment(const std::vector<int64_t>& shape) : layout{shape, {}, {}, {}} {}

  void reg(unsigned dim, unsigned step) {
    if (inside(dim, step)) layout.registers.push_back(vector(dim, step));
  }
  void lane(unsigned dim, unsigned step) {
    layout.lanes.push_back(inside(dim, step) ? vector(dim, step) : 0);
  }
  void warp(unsigned dim, unsigned step) {
    layout.warps.push_back(inside(dim, step) ? vector(dim, step) : 0);
  }
  void repeat(unsigned dim, unsigned from) {
    for (unsigned step = from; step < layout.shape[dim]; step *= 2)
      reg(dim, step);
  }
  void replicateWarps(unsigned count) {
    for (unsigned done = 1; done < count; done *= 2)
      layout.warps.push_back(0);
  }
  LinearLayout take() { return std::move(layout); }

private:
  bool inside(unsigned dim, unsigned step) const { return step < layout.shape[dim]; }
  uint32_t vector(unsigned dim, unsigned step) const { return step << layout.dimShift(dim); }
  LinearLayout layout;
};

/// Warps along one dimension of the tile, `tile` elements each.
void dealWarps(Fragment& fragment, unsigned dim, unsigned tile, unsigned warps) {
  for (unsigned done = 1; done < warps; done *= 2)
    fragment.warp(dim, tile * done);
}

void dealBatch(Fragment& fragment, bool batched, unsigned warps) {
  if (!batched) return;
  dealWarps(fragment, 0, 1, warps);
  fragment.repeat(0, warps);
}

} // namespace

WarpGrid warpGrid(const std::vector<int64_t>& shape, unsigned numWarps) {
  size_t rank = shape.size();
  auto m = static_cast<unsigned>(shape[rank - 2]), n = static_cast<unsigned>(shape[rank - 1]);
  WarpGrid grid;
  if (rank == 3)
    while (grid.batch < numWarps && grid.batch < shape[0])
      grid.batch *= 2;
  while (grid.m * grid.n * grid.batch < numWarps) {
    bool tallest = m / (16 * grid.m) >= n / (16 * grid.n);
    (tallest && grid.m * 16 < m ? grid.m : grid.n) *= 2;
  }
  return grid;
}

LinearLayout mmaAccumulator(const std::vector<int64_t>& shape, WarpGrid warps, bool f64) {
  auto row = static_cast<unsigned>(shape.size() - 2), column = row + 1;
  unsigned tileRows = f64 ? 8 : 16;
  Fragment fragment(shape);
  fragment.reg(column, 1);
  if (!f64) fragment.reg(row, 8);
  for (unsigned step : {2u, 4u})
    fragment.lane(column, step);
  for (unsigned step : {1u, 2u, 4u})
    fragment.lane(row, step);
  dealWarps(fragment, row, tileRows, warps.m);
  dealWarps(fragment, column, 8, warps.n);
  fragment.repeat(column, 8 * warps.n);
  fragment.repeat(row, tileRows * warps.m);
  dealBatch(fragment, shape.size() == 3, warps.batch);
  return fragment.take();
}

LinearLayout mmaOperand(DotSide side, const std::vector<int64_t>& shape, unsigned elementBits,
                        WarpGrid warps) {
  bool f64 = elementBits == 64, a = side == DotSide::A;
  auto first = static_cast<unsigned>(shape.size() - 2);
  unsigned outer = a ? first : first + 1, inner = a ? first + 1 : first;
  unsigned packed = std::max(1u, 32 / elementBits); // elements of one 32-bit register, along k
  unsigned tileRows = !a || f64 ? 8 : 16;
  Fragment fragment(shape);
  for (unsigned step = 1; step < packed; step *= 2)
    fragment.reg(inner, step);
  if (tileRows == 16) fragment.reg(outer, 8);
  if (!f64) fragment.reg(inner, 4 * packed);
  for (unsigned step : {packed, 2 * packed})
    fragment.lane(inner, step);
  for (unsigned step : {1u, 2u, 4u})
    fragment.lane(outer, step);
  if (a)
    dealWarps(fragment, outer, tileRows, warps.m);
  else
    fragment.replicateWarps(warps.m);
  if (!a)
    dealWarps(fragment, outer, tileRows, warps.n);
  else
    fragment.replicateWarps(warps.n);
  fragment.repeat(inner, (f64 ? 4 : 8) * packed);
  fragment.repeat(outer, tileRows * (a ? warps.m : warps.n));
  dealBatch(fragment, shape.size() == 3, warps.batch);
  return fragment.take();
}

LinearLayout fmaOperand(DotSide side, const std::vector<int64_t>& shape, const LinearLayout& result) {
  auto first = static_cast<unsigned>(shape.size() - 2);
  unsigned outer = side == DotSide::A ? first : first + 1;
  unsigned inner = side == DotSide::A ? first + 1 : first;
  LinearLayout operand{shape, {}, {}, {}};
  for (int64_t step = 1; step < shape[inner]; step *= 2)
    operand.registers.push_back(static_cast<uint32_t>(step) << operand.dimShift(inner));
  auto keep = [&](uint32_t vector) {
    uint32_t kept = result.coordinate(vector, outer) << operand.dimShift(outer);
    if (first == 1) kept |= result.coordinate(vector, 0) << operand.dimShift(0);
    return kept;
  };
  for (uint32_t vector : result.registers)
    if (keep(vector) != 0) operand.registers.push_back(keep(vector));
  std::ranges::transform(result.lanes, std::back_inserter(operand.lanes), keep);
  std::ranges::transform(result.warps, std::back_inserter(operand.warps), keep);
  return operand;
}

unsigned registerAt(const LinearLayout& layout, uint32_t index) {
  return static_cast<unsigned>(Span(layout.registers).coordinates(index).value_or(0));
}

} // namespace tuned::nvptx
