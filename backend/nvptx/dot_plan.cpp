#include "backend/nvptx/dot_plan.h"

#include "backend/gpu/layout/constructors.h"
#include "backend/gpu/layout/mma.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tuned::nvptx {
namespace {

struct Choice {
  DotInstruction instruction = DotInstruction::Scalar;
  unsigned fragmentBits = 0;
};

bool mmaTakesFp8(mlir::Type type) {
  return mlir::isa<mlir::Float8E4M3FNType, mlir::Float8E5M2Type>(type);
}

Choice chooseForF32(tt::InputPrecision precision) {
  switch (precision) {
  case tt::InputPrecision::TF32:
    return {DotInstruction::MmaTf32, 32};
  case tt::InputPrecision::TF32x3:
  case tt::InputPrecision::BF16x3:
    return {DotInstruction::MmaTf32x3, 32};
  case tt::InputPrecision::BF16x6: // as exact as a float's own product
  case tt::InputPrecision::IEEE:
    break;
  }
  return {};
}

Choice chooseByType(mlir::Type a, mlir::Type b, mlir::Type d, int64_t k, tt::InputPrecision precision,
                    const Target& target) {
  bool toF32 = d.isF32(), toHalf = d.isF16();
  if (mmaTakesFp8(a) && mmaTakesFp8(b) && (toF32 || toHalf))
    return target.hasFp8Conversions() && toF32 && k >= 32 ? Choice{DotInstruction::MmaFp8, 8}
                                                          : Choice{DotInstruction::MmaF16, 16};
  if (a != b) return {};
  if (a.isF16() && (toF32 || toHalf)) return {DotInstruction::MmaF16, 16};
  if (a.isBF16() && toF32) return {DotInstruction::MmaBf16, 16};
  if (a.isInteger(8) && d.isInteger(32)) return {DotInstruction::MmaInt8, 8};
  if (a.isF64() && d.isF64()) return {DotInstruction::MmaF64, 64};
  if (a.isF32() && toF32) return chooseForF32(precision);
  return {};
}

/// For multiply-adds: a thread computes a patch of up to 4 × 4 results, which share what they read; a smaller
/// one where threads would compute the same results again.
LinearLayout scalarResult(const std::vector<int64_t>& shape, unsigned numWarps) {
  size_t rank = shape.size(), row = rank - 2, column = rank - 1;
  std::vector<unsigned> perThread(rank, 1), lanes(rank, 1), warps(rank, 1), order(rank);
  int64_t results = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  perThread[row] = perThread[column] = 4;
  for (int64_t each = std::max<int64_t>(results / (32 * int64_t{numWarps}), 1);
       int64_t{perThread[row]} * perThread[column] > each;)
    perThread[perThread[row] > perThread[column] ? row : column] /= 2;
  lanes[column] = static_cast<unsigned>(std::clamp<int64_t>(shape[column] / perThread[column], 1, 8));
  lanes[row] = 32 / lanes[column];
  // Warps side by side along the rows as far as they reach, then along the columns, then the batch.
  auto reach = [&](size_t dim) { return int64_t{perThread[dim]} * lanes[dim] * warps[dim]; };
  for (unsigned left = numWarps; left > 1; left /= 2)
    warps[reach(row) < shape[row] ? row : reach(column) < shape[column] ? column : 0] *= 2;
  for (size_t i = 0; i < rank; ++i)
    order[i] = static_cast<unsigned>(rank - 1 - i);
  return blocked(shape, perThread, lanes, warps, order);
}

LinearLayout rowMajor(const std::vector<int64_t>& shape, unsigned numWarps) {
  std::vector<unsigned> order(shape.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = static_cast<unsigned>(order.size() - 1 - i);
  return coalesced(shape, order, 4, numWarps);
}

} // namespace

DotPlan planDot(mlir::RankedTensorType a, mlir::RankedTensorType b, mlir::RankedTensorType d,
                tt::InputPrecision precision, const Target& target, unsigned numWarps) {
  std::vector<int64_t> shapeA = a.getShape().vec(), shapeB = b.getShape().vec(), shapeD = d.getShape().vec();
  int64_t k = shapeA.back();
  Choice choice =
      chooseByType(a.getElementType(), b.getElementType(), d.getElementType(), k, precision, target);
  DotPlan plan;
  bool f64 = choice.fragmentBits == 64;
  if (choice.fragmentBits != 0) plan.tileK = f64 ? 4 : 256 / choice.fragmentBits;
  if (choice.fragmentBits == 0 || k < plan.tileK) {
    plan = {};
    plan.d = scalarResult(shapeD, numWarps);
    plan.a = rowMajor(shapeA, numWarps);
    plan.b = rowMajor(shapeB, numWarps);
    return plan;
  }
  plan.instruction = choice.instruction;
  plan.fragmentBits = choice.fragmentBits;
  plan.tileM = f64 ? 8 : 16;
  plan.tileN = 8;
  WarpGrid warps = warpGrid(shapeD, numWarps);
  plan.a = mmaOperand(DotSide::A, shapeA, choice.fragmentBits, warps);
  plan.b = mmaOperand(DotSide::B, shapeB, choice.fragmentBits, warps);
  plan.d = mmaAccumulator(shapeD, warps, f64);
  return plan;
}

} // namespace tuned::nvptx
