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

// Tile sizes are a property of every value, also those of other dialects: one walk looks at them all.
static LogicalResult verifyTile(mlir::Operation* op, mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::TensorType>(type);
  if (!tensor) return success();
  if (!tensor.hasRank() || !tensor.hasStaticShape())
    return op->emitOpError() << "has a value of type " << type << "; tile sizes must be fixed";
  int64_t elements = 1;
  for (auto [dimension, size] : llvm::enumerate(tensor.getShape())) {
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

LogicalResult FuncOp::verifyRegions() {
  auto result = getBody().walk([](mlir::Operation* op) {
    for (mlir::Type type : op->getResultTypes())
      if (mlir::failed(verifyTile(op, type))) return mlir::WalkResult::interrupt();
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        for (mlir::Type type : block.getArgumentTypes())
          if (mlir::failed(verifyTile(op, type))) return mlir::WalkResult::interrupt();
    return mlir::WalkResult::advance();
  });
  if (result.wasInterrupted()) return mlir::failure();
  for (mlir::Block& block : getBody())
    for (mlir::Type type : block.getArgumentTypes())
      if (mlir::failed(verifyTile(*this, type))) return mlir::failure();
  return success();
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

LogicalResult ElementwiseInlineAsmOp::verify() {
  if (getPackedElement() < 1)
    return emitOpError() << "has packed_element = " << getPackedElement() << "; at least 1 is wanted";
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
