// Functions, calls and code from outside.
#include "ir/dialect/Dialect.h"

#include <mlir/IR/Builders.h>
#include <mlir/Interfaces/FunctionImplementation.h>

#define GET_OP_CLASSES
#include "ir/dialect/ControlOps.cpp.inc"

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::success;

void TTDialect::registerControlOps() {
  addOperations<
#define GET_OP_LIST
#include "ir/dialect/ControlOps.cpp.inc"
      >();
}

void FuncOp::build(mlir::OpBuilder& builder, mlir::OperationState& state, llvm::StringRef name,
                   mlir::FunctionType type, llvm::ArrayRef<mlir::NamedAttribute> attributes) {
  state.addAttribute(getSymNameAttrName(state.name), builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), mlir::TypeAttr::get(type));
  state.attributes.append(attributes.begin(), attributes.end());
  state.addRegion();
}

mlir::ParseResult FuncOp::parse(mlir::OpAsmParser& parser, mlir::OperationState& result) {
  auto makeType = [](mlir::Builder& builder, llvm::ArrayRef<mlir::Type> inputs,
                     llvm::ArrayRef<mlir::Type> results, mlir::function_interface_impl::VariadicFlag,
                     std::string&) { return builder.getFunctionType(inputs, results); };
  return mlir::function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), makeType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void FuncOp::print(mlir::OpAsmPrinter& printer) {
  mlir::function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                                 getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                                 getResAttrsAttrName());
}

LogicalResult FuncOp::verify() {
  for (mlir::Type type : getArgumentTypes())
    if (!mlir::isa<mlir::IntegerType, mlir::FloatType, PointerType, TensorDescType, mlir::RankedTensorType>(
            type))
      return emitOpError() << "@" << getSymName() << ": an argument of type " << type << " is not taken";
  return success();
}

// Tile sizes and element types are a property of every value, also those of other dialects: one walk looks at
// all.
static bool isElement(mlir::Type type) {
  if (mlir::isa<mlir::Float16Type, mlir::BFloat16Type, mlir::Float32Type, mlir::Float64Type,
                mlir::Float8E5M2Type, mlir::Float8E4M3FNType, mlir::Float8E4M3B11FNUZType, PointerType>(type))
    return true;
  auto integer = mlir::dyn_cast<mlir::IntegerType>(type);
  return integer && integer.isSignless() && llvm::is_contained({1, 8, 16, 32, 64}, int(integer.getWidth()));
}

static LogicalResult verifyTile(mlir::Operation* op, mlir::Type type, llvm::ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (auto [dimension, size] : llvm::enumerate(shape)) {
    if (size <= 0 || (size & (size - 1)))
      return op->emitOpError() << "has tile size " << size << " in dimension " << dimension << " of " << type
                               << "; tile sizes must be powers of two";
    if (size > maxTileElements || elements * size > maxTileElements)
      return op->emitOpError() << "has " << type << ", which is more than the limit of " << maxTileElements
                               << " elements in a tensor";
    elements *= size;
  }
  return success();
}

static LogicalResult verifyValue(mlir::Operation* op, mlir::Type type) {
  if (mlir::isa<mlir::IndexType>(type)) return success();
  if (auto descriptor = mlir::dyn_cast<TensorDescType>(type))
    return verifyTile(op, type, descriptor.getBlockType().getShape());
  if (!isElement(elementType(type)))
    return op->emitOpError()
           << "has a value of type " << type
           << "; elements are i1, i8, i16, i32, i64, f16, bf16, f32, f64, f8E5M2, f8E4M3FN, "
              "f8E4M3B11FNUZ or !tt.ptr";
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor) return success();
  if (!tensor.hasStaticShape() || tensor.getRank() == 0)
    return op->emitOpError() << "has a value of type " << type
                             << "; a tile has dimensions, and they are fixed";
  return verifyTile(op, type, tensor.getShape());
}

// Folding and the backends look at elements one by one.
static LogicalResult verifyConstant(mlir::Operation* op) {
  auto constant = mlir::dyn_cast<mlir::arith::ConstantOp>(op);
  if (!constant || !mlir::isa<mlir::RankedTensorType>(constant.getType()) ||
      mlir::isa<mlir::DenseElementsAttr>(constant.getValue()))
    return success();
  return op->emitOpError() << "has a value that is not dense; constant tensors are dense<...>";
}

LogicalResult FuncOp::verifyRegions() {
  auto verifyAll = [](mlir::Operation* op, mlir::TypeRange types) {
    for (mlir::Type type : types)
      if (mlir::failed(verifyValue(op, type))) return mlir::failure();
    return success();
  };
  auto result = (*this)->walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) {
    if (mlir::failed(verifyAll(op, op->getResultTypes())) || mlir::failed(verifyConstant(op)))
      return mlir::WalkResult::interrupt();
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        if (mlir::failed(verifyAll(op, block.getArgumentTypes()))) return mlir::WalkResult::interrupt();
    return mlir::WalkResult::advance();
  });
  return mlir::failure(result.wasInterrupted());
}

LogicalResult CallOp::verifySymbolUses(mlir::SymbolTableCollection& symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<FuncOp>(*this, getCalleeAttr());
  if (!callee) return emitOpError() << "calls @" << getCallee() << ", which is no tt.func of this module";
  if (callee.getFunctionType().getInputs() !=
          llvm::ArrayRef(llvm::SmallVector<mlir::Type>(getOperandTypes())) ||
      callee.getFunctionType().getResults() !=
          llvm::ArrayRef(llvm::SmallVector<mlir::Type>(getResultTypes())))
    return emitOpError() << "does not match @" << getCallee() << ", which is " << callee.getFunctionType();
  return success();
}

LogicalResult ReturnOp::verify() {
  auto function = mlir::cast<FuncOp>((*this)->getParentOp());
  auto wanted = function.getFunctionType().getResults();
  if (wanted != llvm::ArrayRef(llvm::SmallVector<mlir::Type>(getOperandTypes())))
    return emitOpError() << "returns " << getNumOperands() << " values that do not match @"
                         << function.getSymName() << ", which is " << function.getFunctionType();
  return success();
}

LogicalResult PrintOp::verify() {
  if (getIsSigned().size() == getArgs().size()) return success();
  return emitOpError() << "has " << getArgs().size() << " values but " << getIsSigned().size()
                       << " entries in isSigned";
}

// What is not pure reads and writes memory nobody can name.
template <typename Op> static void addEffects(Op op, auto& effects) {
  if (op.getPure()) return;
  effects.emplace_back(mlir::MemoryEffects::Write::get());
  effects.emplace_back(mlir::MemoryEffects::Read::get());
}

using Effects = llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>;

void ExternElementwiseOp::getEffects(Effects& effects) {
  addEffects(*this, effects);
}
void ElementwiseInlineAsmOp::getEffects(Effects& effects) {
  addEffects(*this, effects);
}

mlir::Speculation::Speculatability ExternElementwiseOp::getSpeculatability() {
  return getPure() ? mlir::Speculation::Speculatable : mlir::Speculation::NotSpeculatable;
}
mlir::Speculation::Speculatability ElementwiseInlineAsmOp::getSpeculatability() {
  return getPure() ? mlir::Speculation::Speculatable : mlir::Speculation::NotSpeculatable;
}

LogicalResult ExternElementwiseOp::verify() {
  if (getSrcs().empty()) return emitOpError("has no operand");
  for (mlir::Type type : getSrcs().getTypes())
    if (mlir::isa<mlir::RankedTensorType>(type) != mlir::isa<mlir::RankedTensorType>(getType()) ||
        shapeOf(type) != shapeOf(getType()))
      return emitOpError() << "has shapes that differ: " << type << " and " << getType();
  return success();
}

LogicalResult ElementwiseInlineAsmOp::verify() {
  if (getPackedElement() < 1 || !llvm::isPowerOf2_32(getPackedElement()))
    return emitOpError() << "has packed_element = " << getPackedElement() << "; a power of two is wanted";
  if (getResult().empty()) return emitOpError() << "has no result";
  llvm::ArrayRef<int64_t> shape = shapeOf(getResult().front().getType());
  for (mlir::Type type : llvm::concat<mlir::Type>(llvm::SmallVector<mlir::Type>(getOperandTypes()),
                                                  llvm::SmallVector<mlir::Type>(getResultTypes())))
    if (mlir::isa<mlir::RankedTensorType>(type) && shapeOf(type) != shape)
      return emitOpError() << "has tensors of unequal shape: " << type << " and "
                           << getResult().front().getType();
  return success();
}

} // namespace tuned::tt
