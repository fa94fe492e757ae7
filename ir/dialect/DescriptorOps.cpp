// Checks of tensor descriptors and the blocks moved through them.
#include "ir/dialect/Dialect.h"

#define GET_OP_CLASSES
#include "ir/dialect/DescriptorOps.cpp.inc"

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::RankedTensorType;
using mlir::success;

void TTDialect::registerDescriptorOps() {
  addOperations<
#define GET_OP_LIST
#include "ir/dialect/DescriptorOps.cpp.inc"
      >();
}

// Descriptors keep the sign of their integers, tensors do not.
static bool sameElement(mlir::Type descriptor, mlir::Type tensor) {
  if (auto integer = mlir::dyn_cast<mlir::IntegerType>(descriptor))
    return tensor.isInteger(integer.getWidth());
  return descriptor == tensor;
}

LogicalResult MakeTensorDescOp::verify() {
  auto block = getType().getBlockType();
  size_t rank = block.getRank();
  if (getShape().size() != rank || getStrides().size() != rank)
    return emitOpError() << "of " << block << " needs " << rank << " sizes and strides, and has "
                         << getShape().size() << " and " << getStrides().size();
  if (!sameElement(block.getElementType(), getBase().getType().getPointeeType()))
    return emitOpError() << "of " << block << " has a base of type " << getBase().getType();
  return success();
}

// A block that is loaded or stored may leave out leading dimensions of size 1.
static LogicalResult verifyBlock(mlir::Operation* op, TensorDescType descriptor, RankedTensorType tensor,
                                 size_t indices) {
  auto block = descriptor.getBlockType();
  if (indices != size_t(block.getRank()))
    return op->emitOpError() << "has " << indices << " indices for " << descriptor;
  auto drop = [](llvm::ArrayRef<int64_t> shape, int64_t rank) {
    while (int64_t(shape.size()) > rank && shape.front() == 1)
      shape = shape.drop_front();
    return shape;
  };
  if (sameElement(block.getElementType(), tensor.getElementType()) &&
      drop(block.getShape(), tensor.getRank()) == tensor.getShape())
    return success();
  return op->emitOpError() << "has " << tensor << " for a block of " << descriptor;
}

LogicalResult DescriptorLoadOp::verify() {
  return verifyBlock(*this, getDesc().getType(), getType(), getIndices().size());
}
LogicalResult DescriptorStoreOp::verify() {
  return verifyBlock(*this, getDesc().getType(), getSrc().getType(), getIndices().size());
}
LogicalResult DescriptorReduceOp::verify() {
  mlir::Type element = getSrc().getType().getElementType();
  DescriptorReduceKind kind = getKind();
  bool ordered = llvm::is_contained(
      {DescriptorReduceKind::ADD, DescriptorReduceKind::MIN, DescriptorReduceKind::MAX}, kind);
  bool defined = mlir::isa<mlir::FloatType>(element)
                     ? ordered && elementBits(element) >= 16
                     : kind != DescriptorReduceKind::NONE && elementBits(element) >= 8;
  if (!defined)
    return emitOpError()
           << stringifyDescriptorReduceKind(kind) << " is not defined on " << element
           << "; integers of 8 bits and more take all kinds, floats of 16 bits and more add, min and max";
  return verifyBlock(*this, getDesc().getType(), getSrc().getType(), getIndices().size());
}

static LogicalResult verifyRows(mlir::Operation* op, TensorDescType descriptor, RankedTensorType rows,
                                RankedTensorType tensor) {
  auto block = descriptor.getBlockType();
  if (block.getRank() != 2 || block.getDimSize(0) != 1)
    return op->emitOpError() << "takes a descriptor of 1 x N blocks, not " << descriptor;
  if (rows.getRank() == 1 && tensor.getRank() == 2 && rows.getDimSize(0) == tensor.getDimSize(0) &&
      tensor.getDimSize(1) == block.getDimSize(1) &&
      sameElement(block.getElementType(), tensor.getElementType()))
    return success();
  return op->emitOpError() << "of rows " << rows << " through " << descriptor << " does not go with "
                           << tensor;
}

LogicalResult DescriptorGatherOp::verify() {
  return verifyRows(*this, getDesc().getType(), getXOffsets().getType(), getType());
}
LogicalResult DescriptorScatterOp::verify() {
  return verifyRows(*this, getDesc().getType(), getXOffsets().getType(), getSrc().getType());
}

} // namespace tuned::tt
