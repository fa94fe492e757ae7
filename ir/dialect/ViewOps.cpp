// Operations that only move elements: expand_dims, broadcast, reshape, trans.
#include "ir/dialect/Dialect.h"

#include <mlir/IR/PatternMatch.h>

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::OpFoldResult;
using mlir::success;

// A view of a constant that is the same everywhere is that constant in another shape.
static mlir::Attribute resize(mlir::Attribute source, mlir::RankedTensorType type) {
  auto splat = mlir::dyn_cast_or_null<mlir::SplatElementsAttr>(source);
  return splat ? splat.resizeSplat(type) : mlir::Attribute();
}

// view(splat x) is splat x.
template <typename View> static LogicalResult viewOfSplat(View op, mlir::PatternRewriter& rewriter) {
  auto splat = op.getSrc().template getDefiningOp<SplatOp>();
  if (!splat) return mlir::failure();
  rewriter.replaceOpWithNewOp<SplatOp>(op, op.getType(), splat.getSrc());
  return success();
}

LogicalResult ExpandDimsOp::verify() {
  auto source = getSrc().getType();
  int64_t axis = int32_t(getAxis()), rank = source.getRank();
  if (axis < 0 || axis > rank)
    return emitOpError() << "has axis " << axis << "; " << source << " takes 0 to " << rank;
  auto wanted = llvm::to_vector(source.getShape());
  wanted.insert(wanted.begin() + axis, 1);
  if (getType().getShape() == llvm::ArrayRef(wanted)) return success();
  return emitOpError() << "of " << source << " at axis " << axis << " cannot give " << getType();
}

OpFoldResult ExpandDimsOp::fold(FoldAdaptor adaptor) {
  return resize(adaptor.getSrc(), getType());
}

void ExpandDimsOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(viewOfSplat<ExpandDimsOp>);
}

LogicalResult BroadcastOp::verify() {
  auto source = getSrc().getType(), result = getType();
  if (source.getRank() != result.getRank())
    return emitOpError() << "of " << source << " to " << result << " changes the rank";
  for (int64_t i = 0; i < source.getRank(); ++i)
    if (source.getDimSize(i) != result.getDimSize(i) && source.getDimSize(i) != 1)
      return emitOpError() << "of " << source << " to " << result << ": dimension " << i
                           << " is neither 1 nor equal";
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getSrc().getType() == getType()) return getSrc();
  return resize(adaptor.getSrc(), getType());
}

static LogicalResult mergeBroadcasts(BroadcastOp op, mlir::PatternRewriter& rewriter) {
  auto inner = op.getSrc().getDefiningOp<BroadcastOp>();
  if (!inner) return mlir::failure();
  rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getSrc());
  return success();
}

void BroadcastOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(viewOfSplat<BroadcastOp>);
  patterns.add(mergeBroadcasts);
}

LogicalResult ReshapeOp::verify() {
  auto source = getSrc().getType(), result = getType();
  if (source.getNumElements() == result.getNumElements()) return success();
  return emitOpError() << "of " << source << " to " << result << " changes the number of elements";
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getSrc().getType() == getType()) return getSrc();
  return resize(adaptor.getSrc(), getType());
}

static LogicalResult mergeReshapes(ReshapeOp op, mlir::PatternRewriter& rewriter) {
  auto inner = op.getSrc().getDefiningOp<ReshapeOp>();
  if (!inner || inner.getAllowReorder() || op.getAllowReorder() || op.getEfficientLayout())
    return mlir::failure();
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getSrc());
  return success();
}

void ReshapeOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(viewOfSplat<ReshapeOp>);
  patterns.add(mergeReshapes);
}

LogicalResult TransOp::verify() {
  auto source = getSrc().getType(), result = getType();
  size_t rank = source.getRank();
  llvm::SmallVector<bool> seen(rank, false);
  bool permutation = getOrder().size() == rank && size_t(result.getRank()) == rank;
  for (auto [i, from] : llvm::enumerate(getOrder())) {
    permutation = permutation && from >= 0 && size_t(from) < rank && !seen[from];
    if (!permutation)
      return emitOpError() << "has an order that is no permutation of " << source << "'s dimensions";
    seen[from] = true;
    if (result.getDimSize(i) != source.getDimSize(from))
      return emitOpError() << "of " << source << " cannot give " << result << ": dimension " << i;
  }
  if (permutation) return success();
  return emitOpError() << "has an order that is no permutation of " << source << "'s dimensions";
}

OpFoldResult TransOp::fold(FoldAdaptor adaptor) {
  if (getSrc().getType() == getType() && llvm::is_sorted(getOrder())) return getSrc();
  return resize(adaptor.getSrc(), getType());
}

static LogicalResult mergeTransposes(TransOp op, mlir::PatternRewriter& rewriter) {
  auto inner = op.getSrc().getDefiningOp<TransOp>();
  if (!inner) return mlir::failure();
  llvm::SmallVector<int32_t> order;
  for (int32_t from : op.getOrder())
    order.push_back(inner.getOrder()[from]);
  rewriter.replaceOpWithNewOp<TransOp>(op, op.getType(), inner.getSrc(), order);
  return success();
}

void TransOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(viewOfSplat<TransOp>);
  patterns.add(mergeTransposes);
}

} // namespace tuned::tt
