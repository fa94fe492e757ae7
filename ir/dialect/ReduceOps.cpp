// Checks of reductions, scans and maps: sources, results and what the region takes and gives.
#include "ir/dialect/Dialect.h"

#define GET_OP_CLASSES
#include "ir/dialect/ReduceOps.cpp.inc"

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::RankedTensorType;
using mlir::success;

void TTDialect::registerReduceOps() {
  addOperations<
#define GET_OP_LIST
#include "ir/dialect/ReduceOps.cpp.inc"
      >();
}

// Sources of one shape, an axis among its dimensions, as many results as sources.
template <typename Op> static LogicalResult verifySources(Op op) {
  if (op.getSrcs().empty()) return op.emitOpError("has no source");
  auto first = mlir::cast<RankedTensorType>(op.getSrcs().front().getType());
  int64_t axis = int32_t(op.getAxis());
  if (axis < 0 || axis >= first.getRank())
    return op.emitOpError() << "has axis " << axis << "; the axes of " << first << " are 0 to "
                            << first.getRank() - 1;
  for (mlir::Type type : op.getSrcs().getTypes())
    if (shapeOf(type) != first.getShape())
      return op.emitOpError() << "has sources of unequal shape: " << first << " and " << type;
  if (op.getNumResults() != op.getNumOperands())
    return op.emitOpError() << "has " << op.getNumOperands() << " sources and " << op.getNumResults()
                            << " results";
  return success();
}

// The region takes `copies` elements of every source and gives `given` elements of every result.
static LogicalResult verifyRegion(mlir::Operation* op, mlir::Region& region, bool interleaved, int copies,
                                  int given) {
  llvm::SmallVector<mlir::Type> arguments, results;
  auto repeat = [](auto& out, mlir::TypeRange types, bool each, int times) {
    for (int i = 0; i < (each ? 1 : times); ++i)
      for (mlir::Type type : types)
        out.append(each ? times : 1, elementType(type));
  };
  repeat(arguments, op->getOperandTypes(), interleaved, copies);
  repeat(results, op->getResultTypes(), interleaved, given);
  if (region.empty()) return op->emitOpError("has an empty region");
  if (mlir::TypeRange(region.getArgumentTypes()) != mlir::TypeRange(arguments))
    return op->emitOpError() << "has a region that takes " << region.getNumArguments()
                             << " values; it must take " << arguments.size()
                             << ", the elements of its sources";
  auto isTile = [](mlir::Type type) { return mlir::isa<RankedTensorType>(type); };
  auto walked = region.walk([&](mlir::Operation* inner) {
    if (llvm::none_of(inner->getOperandTypes(), isTile) && llvm::none_of(inner->getResultTypes(), isTile))
      return mlir::WalkResult::advance();
    inner->emitOpError() << "has tensors; the region of " << op->getName()
                         << " computes with single elements";
    return mlir::WalkResult::interrupt();
  });
  if (walked.wasInterrupted()) return mlir::failure();
  for (mlir::Block& block : region) {
    mlir::Operation* end = block.empty() ? nullptr : &block.back();
    if (!end || !mlir::isa<ReduceReturnOp, ScanReturnOp, MapElementwiseReturnOp>(end)) continue;
    if (mlir::TypeRange(end->getOperandTypes()) != mlir::TypeRange(results))
      return end->emitOpError() << "gives " << end->getNumOperands() << " values; it must give "
                                << results.size() << ", the elements of its operation's results";
  }
  return success();
}

template <typename Return> static LogicalResult verifyEnd(mlir::Operation* op, mlir::Region& region) {
  if (!region.empty() && !region.back().empty() && mlir::isa<Return>(region.back().back())) return success();
  return op->emitOpError() << "has a region that does not end in " << Return::getOperationName();
}

LogicalResult ReduceOp::verify() {
  if (mlir::failed(verifySources(*this))) return mlir::failure();
  auto source = mlir::cast<RankedTensorType>(getSrcs().front().getType());
  auto wanted = llvm::to_vector(source.getShape());
  wanted.erase(wanted.begin() + getAxis());
  for (auto [from, to] : llvm::zip_equal(getSrcs().getTypes(), getResultTypes()))
    if (shapeOf(to) != llvm::ArrayRef(wanted) || mlir::isa<RankedTensorType>(to) != !wanted.empty() ||
        elementType(from) != elementType(to))
      return emitOpError() << "of " << from << " along axis " << getAxis() << " cannot give " << to;
  return success();
}

LogicalResult ReduceOp::verifyRegions() {
  if (mlir::failed(verifyEnd<ReduceReturnOp>(*this, getCombineOp()))) return mlir::failure();
  return verifyRegion(*this, getCombineOp(), false, 2, 1);
}

LogicalResult ScanOp::verify() {
  if (mlir::failed(verifySources(*this))) return mlir::failure();
  for (auto [from, to] : llvm::zip_equal(getSrcs().getTypes(), getResultTypes()))
    if (shapeOf(from) != shapeOf(to) || elementType(from) != elementType(to))
      return emitOpError() << "of " << from << " cannot give " << to;
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  if (mlir::failed(verifyEnd<ScanReturnOp>(*this, getCombineOp()))) return mlir::failure();
  return verifyRegion(*this, getCombineOp(), false, 2, 1);
}

LogicalResult MapElementwiseOp::verifyRegions() {
  if (getSrcs().empty()) return emitOpError("has no source");
  int pack = int32_t(getPack());
  if (pack < 1 || pack > maxTileElements)
    return emitOpError() << "has pack = " << pack << "; at least 1 is wanted";
  if (mlir::failed(verifyEnd<MapElementwiseReturnOp>(*this, getScalarOp()))) return mlir::failure();
  return verifyRegion(*this, getScalarOp(), true, pack, pack);
}

void ReduceOp::build(mlir::OpBuilder& builder, mlir::OperationState& state, mlir::ValueRange sources,
                     int axis) {
  llvm::SmallVector<mlir::Type> results;
  for (mlir::Type type : sources.getTypes()) {
    auto shape = llvm::to_vector(shapeOf(type));
    shape.erase(shape.begin() + axis);
    results.push_back(shape.empty() ? elementType(type) : RankedTensorType::get(shape, elementType(type)));
  }
  build(builder, state, results, sources, uint32_t(axis));
}

void ScanOp::build(mlir::OpBuilder& builder, mlir::OperationState& state, mlir::ValueRange sources, int axis,
                   bool reverse) {
  build(builder, state, llvm::to_vector(sources.getTypes()), sources, uint32_t(axis), reverse);
}

} // namespace tuned::tt
