// One operation: other operands, another place, a copy, none at all, other attributes.
#include "ir/dialect/Dialect.h"
#include "tests/fuzz/mutate_module.h"

#include <mlir/IR/Builders.h>

namespace tuned {
namespace {

constexpr int64_t integers[] = {0,  1,  2,       3,         4,         5,         7,        8,
                                15, 16, 17,      31,        32,        64,        128,      1024,
                                -1, -2, 1 << 20, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
constexpr double reals[] = {0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, 1e300, -3.5, 65504.0};

bool changeOperand(mlir::Operation* op, Random& random) {
  if (op->getNumOperands() == 0) return false;
  mlir::OpOperand& operand = op->getOpOperand(random.below(op->getNumOperands()));
  auto values = random.oneIn(8) ? valuesBefore(op) : valuesBefore(op, operand.get().getType());
  if (values.empty()) return false;
  operand.set(random.of(values));
  return true;
}

/// Uses of the results take other values of their types.
bool erase(mlir::Operation* op, Random& random) {
  if (op->hasTrait<mlir::OpTrait::IsTerminator>()) return false;
  for (mlir::Value result : op->getResults()) {
    if (result.use_empty()) continue;
    auto values = valuesBefore(op, result.getType());
    if (values.empty()) return false;
    result.replaceAllUsesWith(random.of(values));
  }
  op->erase();
  return true;
}

bool copy(mlir::Operation* op, Random& random) {
  if (op->hasTrait<mlir::OpTrait::IsTerminator>()) return false;
  mlir::OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  mlir::Operation* twin = builder.clone(*op);
  for (mlir::Value result : twin->getResults())
    keepAlive(result, random);
  return true;
}

bool move(mlir::Operation* op, Random& random) {
  auto& operations = op->getBlock()->getOperations();
  if (op->hasTrait<mlir::OpTrait::IsTerminator>() || operations.size() < 3) return false;
  auto place = std::next(operations.begin(), random.below(operations.size() - 1));
  if (&*place == op) return false;
  op->moveBefore(&*place);
  return true;
}

mlir::Attribute otherInteger(mlir::IntegerAttr attribute, Random& random) {
  unsigned width = attribute.getValue().getBitWidth();
  llvm::APInt value = random.oneIn(2) ? attribute.getValue() + (random.oneIn(2) ? 1 : -1)
                                      : llvm::APInt(64, random.of(integers)).sextOrTrunc(width);
  return mlir::IntegerAttr::get(attribute.getType(), value);
}

mlir::Attribute otherReal(mlir::FloatAttr attribute, Random& random) {
  auto type = mlir::cast<mlir::FloatType>(attribute.getType());
  const auto& semantics = type.getFloatSemantics();
  if (random.oneIn(4) && llvm::APFloat::semanticsHasNaN(semantics))
    return mlir::FloatAttr::get(type, llvm::APFloat::getNaN(semantics));
  if (random.oneIn(4) && llvm::APFloat::semanticsHasInf(semantics))
    return mlir::FloatAttr::get(type, llvm::APFloat::getInf(semantics, random.oneIn(2)));
  return mlir::FloatAttr::get(type, random.of(reals));
}

mlir::Attribute otherList(mlir::DenseI32ArrayAttr attribute, Random& random) {
  auto list = llvm::to_vector(attribute.asArrayRef());
  if (list.empty() || random.oneIn(4)) list.push_back(static_cast<int32_t>(random.of(integers)));
  if (random.oneIn(4)) list.pop_back();
  if (list.empty()) return mlir::DenseI32ArrayAttr::get(attribute.getContext(), list);
  if (random.oneIn(2)) std::swap(random.of(list), random.of(list));
  if (random.oneIn(4)) random.of(list) = static_cast<int32_t>(random.of(integers));
  return mlir::DenseI32ArrayAttr::get(attribute.getContext(), list);
}

/// Null where this kind of attribute stays as it is.
mlir::Attribute other(mlir::Attribute attribute, Random& random) {
  if (auto integer = mlir::dyn_cast<mlir::IntegerAttr>(attribute)) return otherInteger(integer, random);
  if (auto real = mlir::dyn_cast<mlir::FloatAttr>(attribute)) return otherReal(real, random);
  if (auto list = mlir::dyn_cast<mlir::DenseI32ArrayAttr>(attribute)) return otherList(list, random);
  if (auto text = mlir::dyn_cast<mlir::StringAttr>(attribute)) {
    std::string changed = text.getValue().str();
    changed.insert(random.below(changed.size() + 1), 1, "$%{}\\\"\0 ,=rlfd1"[random.below(16)]);
    return mlir::StringAttr::get(attribute.getContext(), changed);
  }
  auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(attribute);
  if (!dense || dense.empty() || mlir::isa<mlir::ComplexType>(dense.getElementType())) return {};
  mlir::Attribute value = other(*dense.value_begin<mlir::Attribute>(), random);
  return value ? mlir::DenseElementsAttr::get(dense.getType(), value) : mlir::Attribute();
}

bool changeAttribute(mlir::Operation* op, Random& random) {
  auto attributes = op->getAttrDictionary().getValue();
  if (attributes.empty()) return false;
  mlir::NamedAttribute named = random.of(attributes);
  mlir::Attribute changed = other(named.getValue(), random);
  if (!changed) return false;
  op->setAttr(named.getName(), changed);
  // A word of the dialect that the number does not name leaves nothing behind.
  if (op->getAttr(named.getName()) == changed) return true;
  op->setAttr(named.getName(), named.getValue());
  return false;
}

bool changeHint(tt::FuncOp function, Random& random) {
  if (function.getNumArguments() == 0) return false;
  mlir::Builder builder(function.getContext());
  function.setArgAttr(random.below(function.getNumArguments()), "tt.divisibility",
                      builder.getI32IntegerAttr(static_cast<int32_t>(random.of(integers))));
  return true;
}

} // namespace

bool mutateOperation(mlir::ModuleOp module, Random& random) {
  auto operations = operationsIn(module);
  if (operations.empty()) return false;
  mlir::Operation* op = random.of(operations);
  switch (random.below(12)) {
  case 0:
    return erase(op, random);
  case 1:
    return copy(op, random);
  case 2:
    return move(op, random);
  case 3:
    return changeHint(op->getParentOfType<tt::FuncOp>(), random);
  case 4:
  case 5:
  case 6:
  case 7:
    return changeAttribute(op, random);
  default:
    return changeOperand(op, random);
  }
}

} // namespace tuned
