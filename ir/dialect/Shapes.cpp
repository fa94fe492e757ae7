#include "ir/dialect/Shapes.h"

#include "ir/dialect/Dialect.h"

namespace tuned::tt {

using mlir::RankedTensorType;
using mlir::Type;

Type elementType(Type type) {
  if (auto tensor = mlir::dyn_cast<RankedTensorType>(type)) return tensor.getElementType();
  return type;
}

Type withElementType(Type type, Type element) {
  if (auto tensor = mlir::dyn_cast<RankedTensorType>(type))
    return RankedTensorType::get(tensor.getShape(), element, tensor.getEncoding());
  return element;
}

Type loadedType(Type pointer) {
  auto element = mlir::dyn_cast<PointerType>(elementType(pointer));
  return element ? withElementType(pointer, element.getPointeeType()) : pointer;
}

Type maskType(Type type) {
  auto i1 = mlir::IntegerType::get(type.getContext(), 1);
  if (auto pointer = mlir::dyn_cast<PointerType>(type)) return withElementType(pointer.getPointeeType(), i1);
  return withElementType(type, i1);
}

Type blockBase(Type blockPointer) {
  auto pointer = mlir::dyn_cast<PointerType>(blockPointer);
  auto block = pointer ? mlir::dyn_cast<RankedTensorType>(pointer.getPointeeType()) : RankedTensorType();
  if (!block || !mlir::isa<mlir::IntegerType, mlir::FloatType, PointerType>(block.getElementType()))
    return blockPointer;
  return PointerType::get(block.getElementType(), pointer.getAddressSpace());
}

llvm::ArrayRef<int64_t> shapeOf(Type type) {
  if (auto tensor = mlir::dyn_cast<RankedTensorType>(type)) return tensor.getShape();
  return {};
}

unsigned elementBits(Type type) {
  Type element = elementType(type);
  return mlir::isa<PointerType>(element) ? 64 : element.getIntOrFloatBitWidth();
}

} // namespace tuned::tt
