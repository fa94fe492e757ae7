#include "backend/nvptx/dialect/nv.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/DialectImplementation.h>
#include <mlir/IR/OpImplementation.h>

#include "backend/nvptx/dialect/NvDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "backend/nvptx/dialect/NvAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "backend/nvptx/dialect/NvOps.cpp.inc"

namespace tuned::nvptx {

namespace {

/// Layouts are long: a printed module names each once, at its top.
struct LayoutNames : mlir::OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(mlir::Attribute attribute, llvm::raw_ostream& out) const override {
    if (!llvm::isa<LinearAttr>(attribute)) return AliasResult::NoAlias;
    out << "linear";
    return AliasResult::FinalAlias;
  }
};

} // namespace

void NvDialect::initialize() {
  addInterfaces<LayoutNames>();
  addAttributes<LinearAttr>();
  addOperations<
#define GET_OP_LIST
#include "backend/nvptx/dialect/NvOps.cpp.inc"
      >();
}

mlir::OpFoldResult ConvertLayoutOp::fold(FoldAdaptor) {
  if (getSrc().getType() == getType()) return getSrc();
  // A conversion of a conversion needs only the last.
  if (auto earlier = getSrc().getDefiningOp<ConvertLayoutOp>()) {
    if (earlier.getSrc().getType() == getType()) return earlier.getSrc();
    getSrcMutable().assign(earlier.getSrc());
    return getResult();
  }
  return {};
}

std::optional<LinearLayout> layoutOf(mlir::Type type) {
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor) return std::nullopt;
  auto linear = llvm::dyn_cast_or_null<LinearAttr>(tensor.getEncoding());
  if (!linear) return std::nullopt;
  auto bases = [](llvm::ArrayRef<int32_t> vectors) { return Bases(vectors.begin(), vectors.end()); };
  return LinearLayout{tensor.getShape().vec(), bases(linear.getRegisters()), bases(linear.getLanes()),
                      bases(linear.getWarps())};
}

mlir::RankedTensorType withLayout(mlir::Type type, const LinearLayout& layout) {
  auto tensor = llvm::cast<mlir::RankedTensorType>(type);
  auto numbers = [](const Bases& bases) { return llvm::SmallVector<int32_t>(bases.begin(), bases.end()); };
  auto linear = LinearAttr::get(type.getContext(), numbers(layout.registers), numbers(layout.lanes),
                                numbers(layout.warps));
  return mlir::RankedTensorType::get(tensor.getShape(), tensor.getElementType(), linear);
}

} // namespace tuned::nvptx
