// Checks and folds of ranges, splats, joins, gathers and conversions. Views are in ViewOps.cpp.
#include "ir/dialect/Dialect.h"

#include <mlir/IR/Matchers.h>
#include <mlir/IR/PatternMatch.h>

#define GET_OP_CLASSES
#include "ir/dialect/TensorOps.cpp.inc"

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::OpFoldResult;
using mlir::success;

void TTDialect::registerTensorOps() {
  addOperations<
#define GET_OP_LIST
#include "ir/dialect/TensorOps.cpp.inc"
      >();
}

LogicalResult MakeRangeOp::verify() {
  int64_t start = int32_t(getStart()), end = int32_t(getEnd());
  auto type = getType();
  if (end <= start) return emitOpError() << "has an empty range: start " << start << ", end " << end;
  if (type.getRank() != 1 || type.getDimSize(0) != end - start || !type.getElementType().isInteger(32))
    return emitOpError() << "gives " << end - start << " i32 values, not " << type;
  return success();
}

OpFoldResult MakeRangeOp::fold(FoldAdaptor) {
  if (int32_t(getEnd()) - int32_t(getStart()) != 1) return {};
  return mlir::DenseElementsAttr::get(getType(), llvm::APInt(32, getStart()));
}

OpFoldResult SplatOp::fold(FoldAdaptor adaptor) {
  if (!mlir::isa_and_nonnull<mlir::IntegerAttr, mlir::FloatAttr>(adaptor.getSrc())) return {};
  return mlir::DenseElementsAttr::get(getType(), adaptor.getSrc());
}

LogicalResult UnsplatOp::verify() {
  auto type = getSrc().getType();
  if (type.getNumElements() == 1) return success();
  return emitOpError() << "takes a tensor of one element, not " << type;
}

OpFoldResult UnsplatOp::fold(FoldAdaptor adaptor) {
  if (auto splat = getSrc().getDefiningOp<SplatOp>()) return splat.getSrc();
  auto value = mlir::dyn_cast_or_null<mlir::DenseElementsAttr>(adaptor.getSrc());
  return value && value.isSplat() ? value.getSplatValue<mlir::Attribute>() : OpFoldResult();
}

LogicalResult CatOp::verify() {
  auto part = getLhs().getType(), whole = getType();
  auto wanted = llvm::to_vector(part.getShape());
  if (!wanted.empty()) wanted.front() *= 2;
  if (!wanted.empty() && whole.getShape() == llvm::ArrayRef(wanted)) return success();
  return emitOpError() << "of two " << part << " cannot give " << whole << "; dimension 0 must double";
}

// Join and split are each other's inverse: a last dimension of size 2.
static bool isPair(mlir::RankedTensorType part, mlir::RankedTensorType pair) {
  return pair.getRank() >= 1 && pair.getShape().back() == 2 &&
         pair.getShape().drop_back() == part.getShape() && part.getElementType() == pair.getElementType();
}

LogicalResult JoinOp::verify() {
  if (isPair(getLhs().getType(), getType())) return success();
  return emitOpError() << "of two " << getLhs().getType() << " cannot give " << getType()
                       << "; a last dimension of 2 is added";
}

LogicalResult SplitOp::verify() {
  if (isPair(getOutLHS().getType(), getSrc().getType())) return success();
  return emitOpError() << "of " << getSrc().getType() << " cannot give " << getOutLHS().getType()
                       << "; the last dimension must be 2 and is dropped";
}

LogicalResult GatherOp::verify() {
  auto source = getSrc().getType(), indices = getIndices().getType(), result = getType();
  int64_t rank = source.getRank(), axis = int32_t(getAxis());
  if (axis < 0 || axis >= rank)
    return emitOpError() << "has axis " << axis << "; " << source << " has " << rank;
  if (indices.getShape() != result.getShape() || source.getElementType() != result.getElementType())
    return emitOpError() << "of " << source << " at " << indices << " cannot give " << result;
  if (indices.getRank() != rank)
    return emitOpError() << "has indices of rank " << indices.getRank() << " for " << source;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis && indices.getDimSize(i) != source.getDimSize(i))
      return emitOpError() << "has dimension " << i << " of " << indices << " differ from " << source;
  return success();
}

LogicalResult HistogramOp::verify() {
  if (getSrc().getType().getRank() == 1 && getType().getRank() == 1) return success();
  return emitOpError() << "takes and gives one dimension, not " << getSrc().getType() << " and " << getType();
}

LogicalResult BitcastOp::verify() {
  mlir::Type from = getSrc().getType(), to = getType();
  if (elementBits(from) != elementBits(to))
    return emitOpError() << "changes the width: " << from << " to " << to;
  auto pointer = [](mlir::Type type) { return mlir::isa<PointerType>(elementType(type)); };
  auto floating = [](mlir::Type type) { return mlir::isa<mlir::FloatType>(elementType(type)); };
  if ((pointer(from) && floating(to)) || (floating(from) && pointer(to)))
    return emitOpError() << "takes pointers for integers of 64 bits at most: " << from << " to " << to;
  return success();
}

OpFoldResult BitcastOp::fold(FoldAdaptor) {
  if (getSrc().getType() == getType()) return getSrc();
  if (auto inner = getSrc().getDefiningOp<BitcastOp>(); inner && inner.getSrc().getType() == getType())
    return inner.getSrc();
  return {};
}

LogicalResult FpToFpOp::verify() {
  mlir::Type from = getSrc().getType(), to = getType();
  if (elementBits(from) > elementBits(to) && !getRounding())
    return emitOpError() << "from " << from << " to " << to << " narrows and must say its rounding";
  return success();
}

} // namespace tuned::tt
