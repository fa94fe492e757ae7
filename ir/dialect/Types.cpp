// Text and checks of !tt.ptr and !tt.tensordesc.
#include "ir/dialect/Dialect.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/IR/DialectImplementation.h>

#define GET_TYPEDEF_CLASSES
#include "ir/dialect/Types.cpp.inc"

namespace tuned::tt {

void TTDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "ir/dialect/Types.cpp.inc"
      >();
}

mlir::Type PointerType::parse(mlir::AsmParser& parser) {
  mlir::Type pointee;
  int space = 1;
  if (parser.parseLess() || parser.parseType(pointee)) return {};
  if (mlir::succeeded(parser.parseOptionalComma()) && parser.parseInteger(space)) return {};
  auto place = parser.getCurrentLocation();
  if (parser.parseGreater()) return {};
  return parser.getChecked<PointerType>(place, parser.getContext(), pointee, space);
}

void PointerType::print(mlir::AsmPrinter& printer) const {
  printer << '<' << getPointeeType();
  if (getAddressSpace() != 1) printer << ", " << getAddressSpace();
  printer << '>';
}

mlir::LogicalResult PointerType::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
                                        mlir::Type pointee, int space) {
  if (space < 0) return emitError() << "!tt.ptr: address space " << space << " is negative";
  if (mlir::isa<mlir::FloatType, mlir::IntegerType, PointerType, mlir::RankedTensorType>(pointee))
    return mlir::success();
  return emitError() << "!tt.ptr: cannot point to " << pointee
                     << "; integers, floats, pointers and tensors are taken";
}

// Both forms: <tensor<128x64xf16>> and, from Triton 3.8, <128x64xf16[, layout]>.
mlir::Type TensorDescType::parse(mlir::AsmParser& parser) {
  if (parser.parseLess()) return {};
  mlir::Type block;
  auto place = parser.getCurrentLocation();
  auto old = parser.parseOptionalType(block);
  if (old.has_value()) {
    if (mlir::failed(*old)) return {};
  } else {
    llvm::SmallVector<int64_t> shape;
    mlir::Type element;
    mlir::Attribute layout;
    if (parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(element)) return {};
    if (mlir::succeeded(parser.parseOptionalComma()) && parser.parseAttribute(layout)) return {};
    block = parser.getChecked<mlir::RankedTensorType>(place, shape, element, layout);
  }
  auto tensor = mlir::dyn_cast_or_null<mlir::RankedTensorType>(block);
  if (!tensor) {
    parser.emitError(place, "!tt.tensordesc: a ranked tensor is wanted, as in tensor<128x64xf16>");
    return {};
  }
  if (parser.parseGreater()) return {};
  return parser.getChecked<TensorDescType>(place, parser.getContext(), tensor);
}

void TensorDescType::print(mlir::AsmPrinter& printer) const {
  printer << '<' << getBlockType() << '>';
}

mlir::LogicalResult TensorDescType::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
                                           mlir::RankedTensorType block) {
  if (!block.hasStaticShape() || block.getRank() < 1 || block.getRank() > 5)
    return emitError() << "!tt.tensordesc: " << block << " must have one to five fixed dimensions";
  if (!block.getElementType().isIntOrFloat())
    return emitError() << "!tt.tensordesc: element type " << block.getElementType()
                       << " is no integer or float";
  return mlir::success();
}

} // namespace tuned::tt
