// Facts through operations that make, shape and select elements.
#include "ir/analysis/axis/axis_transfer.h"
#include "ir/kernel/grid.h"

#include <llvm/ADT/TypeSwitch.h>

namespace tuned::tt {

namespace {

/// Bounds as of `from`; no dimension known yet.
AxisInfo sameValues(mlir::Type type, const AxisInfo& from) {
  AxisInfo info = AxisInfo::unknown(type);
  info.constant = from.constant;
  info.lower = from.lower;
  info.upper = from.upper;
  return info;
}

AxisInfo splat(mlir::Type type, const AxisInfo& scalar) {
  AxisInfo info = sameValues(type, scalar);
  info.constancy.assign(shapeOf(type).begin(), shapeOf(type).end());
  info.divisibility.assign(info.rank(), scalar.divisor());
  return info;
}

AxisInfo expandDims(ExpandDimsOp op, const AxisInfo& source) {
  AxisInfo info = source;
  info.contiguity.insert(info.contiguity.begin() + op.getAxis(), 1);
  info.constancy.insert(info.constancy.begin() + op.getAxis(), 1);
  info.divisibility.insert(info.divisibility.begin() + op.getAxis(),
                           source.divisor(pointeeBytes(op.getType())));
  return info;
}

AxisInfo broadcast(BroadcastOp op, const AxisInfo& source) {
  AxisInfo info = source;
  for (size_t d = 0; d < info.rank(); ++d)
    if (op.getSrc().getType().getDimSize(d) == 1) info.constancy[d] = op.getType().getDimSize(d);
  return info;
}

/// How far a fact about aligned runs reaches in row-major order.
int64_t linearRun(const AxisInfo::Dims& runs, llvm::ArrayRef<int64_t> shape, bool acrossRows) {
  int64_t length = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    length *= runs[d];
    if (runs[d] != shape[d] || !acrossRows) break;
  }
  return length;
}

AxisInfo reshape(ReshapeOp op, const AxisInfo& source) {
  auto from = op.getSrc().getType().getShape(), to = op.getType().getShape();
  AxisInfo info = sameValues(op.getType(), source);
  bool everywhere = llvm::equal(source.constancy, from);
  int64_t bytes = pointeeBytes(op.getType());
  info.divisibility.assign(to.size(), source.divisor(bytes));
  if (op.getAllowReorder() && !everywhere) return info;
  // Runs of the last dimension do not join with those of the rows around them unless the values stay the
  // same.
  int64_t equal = linearRun(source.constancy, from, true);
  int64_t rising = from.size() == 0 ? 1 : linearRun(source.contiguity, from, false);
  int64_t stride = 1;
  for (size_t d = to.size(); d-- > 0;) {
    info.constancy[d] = std::clamp<int64_t>(equal / stride, 1, to[d]);
    if (d + 1 == to.size() && !from.empty()) {
      info.contiguity[d] = std::min(rising, to[d]);
      info.divisibility[d] =
          std::max(info.divisibility[d], source.divisorAt(from.size() - 1, info.contiguity[d], bytes));
    }
    stride *= to[d];
  }
  return info;
}

AxisInfo transpose(TransOp op, const AxisInfo& source) {
  AxisInfo info = source;
  for (auto [d, from] : llvm::enumerate(op.getOrder())) {
    info.contiguity[d] = source.contiguity[from];
    info.constancy[d] = source.constancy[from];
    info.divisibility[d] = source.divisibility[from];
  }
  return info;
}

AxisInfo joinPair(JoinOp op, const AxisInfo& lhs, const AxisInfo& rhs) {
  AxisInfo info = AxisInfo::join(lhs, rhs);
  int64_t bytes = pointeeBytes(op.getType());
  info.contiguity.push_back(1);
  info.constancy.push_back(1);
  info.divisibility.push_back(std::min(lhs.divisor(bytes), rhs.divisor(bytes)));
  return info;
}

AxisInfo makeRange(MakeRangeOp op) {
  AxisInfo info = AxisInfo::unknown(op.getType());
  int64_t start = int32_t(op.getStart()), end = int32_t(op.getEnd());
  info.contiguity[0] = op.getType().getDimSize(0);
  // A run starts at start + k * size, with a single k.
  info.divisibility[0] = start == 0 ? AxisInfo::maxDivisor : (start & -start);
  info.lower = start;
  info.upper = end - 1;
  return info;
}

AxisInfo between(mlir::Type type, int64_t lower, int64_t upper) {
  if (lower == upper) return AxisInfo::ofConstant(type, lower);
  AxisInfo info = AxisInfo::unknown(type);
  info.lower = lower;
  info.upper = upper;
  return info;
}

/// How many programs there are along an axis: the function's own grid, or the largest that devices take.
struct Programs {
  int64_t least, most;
};
Programs programs(mlir::Operation* op, ProgramDim axis) {
  if (auto function = op->getParentOfType<FuncOp>())
    if (auto grid = gridOf(function)) {
      int64_t size = (*grid)[static_cast<size_t>(axis)];
      return {size, size};
    }
  return {1, axis == ProgramDim::X ? INT32_MAX : 65535};
}

} // namespace

std::optional<AxisInfo> transferShape(mlir::Operation* op, AxisOperands in) {
  using Info = std::optional<AxisInfo>;
  return llvm::TypeSwitch<mlir::Operation*, Info>(op)
      .Case([&](MakeRangeOp range) -> Info { return makeRange(range); })
      .Case([&](GetProgramIdOp id) -> Info {
        return between(id.getType(), 0, programs(id, id.getAxis()).most - 1);
      })
      .Case([&](GetNumProgramsOp number) -> Info {
        auto [least, most] = programs(number, number.getAxis());
        return between(number.getType(), least, most);
      })
      .Case([&](SplatOp op) -> Info { return splat(op.getType(), *in[0]); })
      .Case([&](ExpandDimsOp op) -> Info { return expandDims(op, *in[0]); })
      .Case([&](BroadcastOp op) -> Info { return broadcast(op, *in[0]); })
      .Case([&](ReshapeOp op) -> Info { return reshape(op, *in[0]); })
      .Case([&](TransOp op) -> Info { return transpose(op, *in[0]); })
      .Case([&](JoinOp op) -> Info { return joinPair(op, *in[0], *in[1]); })
      .Case([&](UnsplatOp op) -> Info {
        AxisInfo info = sameValues(op.getType(), *in[0]);
        info.divisibility[0] = in[0]->divisor();
        return info;
      })
      .Case([&](CatOp op) -> Info { return sameValues(op.getType(), AxisInfo::join(*in[0], *in[1])); })
      .Default([](mlir::Operation*) -> Info { return std::nullopt; });
}

} // namespace tuned::tt
