#include "ir/analysis/axis/axis_info.h"

#include <algorithm>

namespace tuned::tt {

static bool isTracked(mlir::Type type) {
  return mlir::isa<mlir::IntegerType, mlir::IndexType, PointerType>(elementType(type));
}

int64_t pointeeBytes(mlir::Type pointers) {
  auto pointer = mlir::dyn_cast<PointerType>(elementType(pointers));
  if (!pointer || mlir::isa<mlir::RankedTensorType>(pointer.getPointeeType())) return 1;
  return std::max<int64_t>(1, elementBits(pointer.getPointeeType()) / 8);
}

AxisInfo AxisInfo::unknown(mlir::Type type) {
  size_t rank = std::max<size_t>(1, shapeOf(type).size());
  AxisInfo info;
  info.contiguity.assign(rank, 1);
  info.divisibility.assign(rank, 1);
  info.constancy.assign(rank, 1);
  if (isTracked(type) && elementType(type).isInteger(1)) info.lower = 0, info.upper = 1;
  return info;
}

AxisInfo AxisInfo::ofConstant(mlir::Type type, int64_t value) {
  AxisInfo info = unknown(type);
  int64_t power = value == 0 ? maxDivisor : std::min(maxDivisor, value & -value);
  info.divisibility.assign(info.rank(), power > 0 ? power : maxDivisor);
  if (!shapeOf(type).empty()) info.constancy.assign(shapeOf(type).begin(), shapeOf(type).end());
  info.constant = info.lower = info.upper = value;
  return info;
}

AxisInfo AxisInfo::join(const AxisInfo& a, const AxisInfo& b) {
  AxisInfo info = a;
  for (size_t d = 0; d < a.rank(); ++d) {
    info.contiguity[d] = std::min(a.contiguity[d], b.contiguity[d]);
    info.constancy[d] = std::min(a.constancy[d], b.constancy[d]);
    info.divisibility[d] = std::min(a.divisorAt(d, info.contiguity[d]), b.divisorAt(d, info.contiguity[d]));
  }
  if (a.constant != b.constant) info.constant.reset();
  info.lower = a.lower && b.lower ? std::optional(std::min(*a.lower, *b.lower)) : std::nullopt;
  info.upper = a.upper && b.upper ? std::optional(std::max(*a.upper, *b.upper)) : std::nullopt;
  return info;
}

int64_t AxisInfo::divisorAt(size_t d, int64_t run, int64_t step) const {
  if (run >= contiguity[d]) return divisibility[d];
  return std::min(divisibility[d], run * (step & -step));
}

int64_t AxisInfo::divisor(int64_t step) const {
  int64_t best = 1;
  for (size_t d = 0; d < rank(); ++d)
    best = std::max(best, divisorAt(d, 1, step));
  return best;
}

const AxisInfo& AxisInfoAnalysis::of(mlir::Value value) const {
  if (auto it = facts_.find(value); it != facts_.end()) return it->second;
  return unknown_.try_emplace(value.getAsOpaquePointer(), AxisInfo::unknown(value.getType())).first->second;
}

int64_t AxisInfoAnalysis::vectorLength(mlir::Value pointers, mlir::Value mask, size_t d) const {
  const AxisInfo& info = of(pointers);
  if (d >= info.rank()) return 1;
  int64_t bytes = pointeeBytes(pointers.getType());
  int64_t length = info.contiguity[d];
  while (length > 1 && info.divisorAt(d, length, bytes) < length * bytes)
    length /= 2;
  if (mask && d < of(mask).rank()) length = std::min(length, of(mask).constancy[d]);
  return length;
}

} // namespace tuned::tt
