// Types everywhere alike: tiles of one size become tiles of another, elements of one type become another
// type's.
#include "ir/dialect/Dialect.h"
#include "tests/fuzz/mutate_module.h"

#include <mlir/IR/AttrTypeSubElements.h>
#include <mlir/IR/Builders.h>
#include <set>

namespace tuned {
namespace {

/// The constant in another type: the first element everywhere, converted where the elements' type changed.
mlir::Attribute constantAs(mlir::Type type, mlir::Attribute value) {
  mlir::Attribute element = value;
  if (auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(value)) {
    if (dense.empty()) return {};
    element = *dense.value_begin<mlir::Attribute>();
  }
  mlir::Type wanted = tt::elementType(type);
  auto integer = mlir::dyn_cast<mlir::IntegerAttr>(element);
  auto real = mlir::dyn_cast<mlir::FloatAttr>(element);
  if (mlir::isa<mlir::IntegerType>(wanted) && integer)
    element = mlir::IntegerAttr::get(wanted, integer.getValue().sextOrTrunc(wanted.getIntOrFloatBitWidth()));
  else if (mlir::isa<mlir::FloatType>(wanted) && (integer || real))
    element = mlir::FloatAttr::get(wanted, real ? real.getValueAsDouble() : 1.0);
  else
    return {};
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? mlir::Attribute(mlir::DenseElementsAttr::get(tensor, element)) : element;
}

void retype(mlir::ModuleOp module, mlir::AttrTypeReplacer& replacer) {
  module.walk([&](mlir::Operation* op) {
    if (auto function = mlir::dyn_cast<tt::FuncOp>(op))
      function.setFunctionType(mlir::cast<mlir::FunctionType>(replacer.replace(function.getFunctionType())));
    for (mlir::Region& region : op->getRegions())
      for (mlir::Block& block : region)
        for (mlir::BlockArgument argument : block.getArguments())
          argument.setType(replacer.replace(argument.getType()));
    for (mlir::OpResult result : op->getResults())
      result.setType(replacer.replace(result.getType()));
    auto constant = mlir::dyn_cast<mlir::arith::ConstantOp>(op);
    if (!constant || constant.getType() == constant.getValue().getType()) return;
    if (auto value =
            mlir::dyn_cast_or_null<mlir::TypedAttr>(constantAs(constant.getType(), constant.getValue())))
      constant.setValueAttr(value);
  });
}

std::vector<mlir::Type> typesIn(mlir::ModuleOp module) {
  llvm::SetVector<mlir::Type> types;
  mlir::AttrTypeWalker walker;
  walker.addWalk([&](mlir::Type type) { types.insert(type); });
  module.walk([&](mlir::Operation* op) {
    for (mlir::Type type : op->getResultTypes())
      walker.walk(type);
    if (auto function = mlir::dyn_cast<tt::FuncOp>(op)) walker.walk(function.getFunctionType());
  });
  return {types.begin(), types.end()};
}

bool changeSize(mlir::ModuleOp module, Random& random) {
  std::set<int64_t> sizes;
  for (mlir::Type type : typesIn(module))
    for (int64_t size : tt::shapeOf(type))
      sizes.insert(size);
  if (sizes.empty()) return false;
  std::vector<int64_t> list(sizes.begin(), sizes.end());
  int64_t from = random.of(list);
  int64_t to = random.oneIn(3) ? from * 2 : random.oneIn(2) ? from / 2 : int64_t(1) << random.below(12);
  if (random.oneIn(64)) to = 3;
  mlir::AttrTypeReplacer replacer;
  replacer.addReplacement([&](mlir::RankedTensorType type) -> std::optional<mlir::Type> {
    auto shape = llvm::to_vector(type.getShape());
    std::replace(shape.begin(), shape.end(), from, to);
    return mlir::RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
  });
  retype(module, replacer);
  module.walk([&](tt::MakeRangeOp range) {
    if (range.getEnd() - range.getStart() == from) range.setEnd(range.getStart() + static_cast<uint32_t>(to));
  });
  return true;
}

bool changeElement(mlir::ModuleOp module, Random& random) {
  mlir::Builder b(module.getContext());
  auto* context = module.getContext();
  const mlir::Type floats[] = {b.getF16Type(),
                               b.getBF16Type(),
                               b.getF32Type(),
                               b.getF64Type(),
                               mlir::Float8E5M2Type::get(context),
                               mlir::Float8E4M3FNType::get(context),
                               mlir::Float8E4M3B11FNUZType::get(context)};
  const mlir::Type integers[] = {b.getI1Type(), b.getI8Type(), b.getI16Type(), b.getI32Type(),
                                 b.getI64Type()};
  std::vector<mlir::Type> present;
  for (mlir::Type type : typesIn(module))
    if (type.isIntOrFloat()) present.push_back(type);
  if (present.empty()) return false;
  mlir::Type from = random.of(present);
  bool toFloat = mlir::isa<mlir::FloatType>(from) != random.oneIn(8);
  mlir::Type to = toFloat ? random.of(floats) : random.of(integers);
  mlir::AttrTypeReplacer replacer;
  replacer.addReplacement([&](mlir::Type type) -> std::optional<mlir::Type> {
    return type == from ? std::optional(to) : std::nullopt;
  });
  retype(module, replacer);
  return true;
}

} // namespace

bool mutateTypes(mlir::ModuleOp module, Random& random) {
  return random.oneIn(2) ? changeSize(module, random) : changeElement(module, random);
}

} // namespace tuned
