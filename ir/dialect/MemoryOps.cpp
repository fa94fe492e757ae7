// Checks, folds and effects of loads, stores, atomics and pointers.
#include "ir/dialect/Dialect.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Matchers.h>
#include <mlir/IR/PatternMatch.h>

#define GET_OP_CLASSES
#include "ir/dialect/MemoryOps.cpp.inc"

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::success;

void TTDialect::registerMemoryOps() {
  addOperations<
#define GET_OP_LIST
#include "ir/dialect/MemoryOps.cpp.inc"
      >();
}

LogicalResult AddPtrOp::verify() {
  mlir::Type pointer = getPtr().getType(), offset = getOffset().getType();
  bool tensors = mlir::isa<mlir::RankedTensorType>(pointer);
  if (tensors == mlir::isa<mlir::RankedTensorType>(offset) && shapeOf(pointer) == shapeOf(offset))
    return success();
  return emitOpError() << "adds " << offset << " to " << pointer << "; the shapes must be equal";
}

mlir::OpFoldResult AddPtrOp::fold(FoldAdaptor adaptor) {
  return mlir::matchPattern(adaptor.getOffset(), mlir::m_Zero()) ? getPtr() : mlir::OpFoldResult();
}

// p + splat(a) over a splat pointer is one scalar addition.
static LogicalResult addScalars(AddPtrOp op, mlir::PatternRewriter& rewriter) {
  auto pointer = op.getPtr().getDefiningOp<SplatOp>(), offset = op.getOffset().getDefiningOp<SplatOp>();
  if (!pointer || !offset) return mlir::failure();
  auto sum = AddPtrOp::create(rewriter, op.getLoc(), pointer.getSrc(), offset.getSrc());
  rewriter.replaceOpWithNewOp<SplatOp>(op, op.getType(), sum);
  return success();
}

void AddPtrOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(addScalars);
}

// Boundary checks and padding belong to block pointers, masks to tensors of pointers.
template <typename Op> static LogicalResult verifyAccess(Op op) {
  auto pointer = mlir::dyn_cast<PointerType>(op.getPtr().getType());
  auto block =
      pointer ? mlir::dyn_cast<mlir::RankedTensorType>(pointer.getPointeeType()) : mlir::RankedTensorType();
  if (block && op.getMask()) return op.emitOpError("has a mask; a block pointer takes boundaryCheck instead");
  if (!block && !op.getBoundaryCheck().empty())
    return op.emitOpError("has boundaryCheck, which is for block pointers only");
  for (int32_t dimension : op.getBoundaryCheck())
    if (dimension < 0 || dimension >= block.getRank())
      return op.emitOpError() << "checks the boundary of dimension " << dimension << " of " << block;
  return success();
}

LogicalResult LoadOp::verify() {
  if (getOther() && !getMask()) return emitOpError("has `other` but no mask");
  return verifyAccess(*this);
}
LogicalResult StoreOp::verify() {
  return verifyAccess(*this);
}

void LoadOp::getEffects(
    llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>& out) {
  out.emplace_back(mlir::MemoryEffects::Read::get(), &getPtrMutable());
  if (getIsVolatile()) out.emplace_back(mlir::MemoryEffects::Write::get(), &getPtrMutable());
}

static std::optional<bool> constantMask(mlir::Value mask) {
  mlir::DenseElementsAttr lanes;
  mlir::IntegerAttr scalar;
  if (mask && mlir::matchPattern(mask, mlir::m_Constant(&scalar))) return scalar.getValue().isOne();
  if (mask && mlir::matchPattern(mask, mlir::m_Constant(&lanes)) && lanes.isSplat())
    return lanes.getSplatValue<bool>();
  return std::nullopt;
}

static LogicalResult foldLoadMask(LoadOp op, mlir::PatternRewriter& rewriter) {
  std::optional<bool> mask = constantMask(op.getMask());
  if (!mask || op.getIsVolatile()) return mlir::failure();
  if (!*mask) {
    if (!op.getOther()) return mlir::failure();
    rewriter.replaceOp(op, op.getOther());
    return success();
  }
  rewriter.modifyOpInPlace(op, [&] {
    op.getOtherMutable().clear();
    op.getMaskMutable().clear();
  });
  return success();
}

static LogicalResult foldStoreMask(StoreOp op, mlir::PatternRewriter& rewriter) {
  std::optional<bool> mask = constantMask(op.getMask());
  if (!mask) return mlir::failure();
  if (*mask)
    rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
  else
    rewriter.eraseOp(op);
  return success();
}

void LoadOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(foldLoadMask);
}
void StoreOp::getCanonicalizationPatterns(mlir::RewritePatternSet& patterns, mlir::MLIRContext*) {
  patterns.add(foldStoreMask);
}

LogicalResult AtomicRMWOp::verify() {
  mlir::Type element = elementType(getVal().getType());
  bool floating = mlir::isa<mlir::FloatType>(element);
  RMWOp kind = getAtomicRmwOp();
  bool pointer = mlir::isa<PointerType>(element);
  if (kind == RMWOp::XCHG || (!pointer && floating == (kind == RMWOp::FADD))) return success();
  return emitOpError() << stringifyRMWOp(kind) << " is not defined on " << element
                       << (pointer    ? "; pointers take exch"
                           : floating ? "; floats take fadd and exch"
                                      : "; integers take all but fadd");
}

LogicalResult MakeTensorPtrOp::verify() {
  auto block = mlir::dyn_cast<mlir::RankedTensorType>(getResult().getType().getPointeeType());
  if (!block) return emitOpError() << "makes " << getResult().getType() << ", which points to no tensor";
  size_t rank = block.getRank();
  if (getShape().size() == rank && getStrides().size() == rank && getOffsets().size() == rank &&
      getOrder().size() == rank)
    return success();
  return emitOpError() << "needs " << rank << " sizes, strides, offsets and order entries for " << block
                       << ", and has " << getShape().size() << ", " << getStrides().size() << ", "
                       << getOffsets().size() << " and " << getOrder().size();
}

LogicalResult AdvanceOp::verify() {
  auto block = mlir::dyn_cast<mlir::RankedTensorType>(getPtr().getType().getPointeeType());
  if (block && getOffsets().size() == size_t(block.getRank())) return success();
  return emitOpError() << "moves " << getPtr().getType() << " by " << getOffsets().size()
                       << " offsets; it wants a block pointer and one offset a dimension";
}

} // namespace tuned::tt
