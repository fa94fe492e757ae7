// Registration of the dialect; operations register with their group so that no one file instantiates them
// all.
#include "ir/dialect/Dialect.h"

#include "ir/dialect/Dialect.cpp.inc"
#include "ir/dialect/Enums.cpp.inc"

namespace tuned::tt {

std::unique_ptr<mlir::DialectInterface> makeInlinerInterface(mlir::Dialect* dialect);

void TTDialect::initialize() {
  registerTypes();
  registerControlOps();
  registerDescriptorOps();
  registerDotOps();
  registerMemoryOps();
  registerReduceOps();
  registerTensorOps();
  addInterface(makeInlinerInterface(this));
}

mlir::Operation* TTDialect::materializeConstant(mlir::OpBuilder& builder, mlir::Attribute value,
                                                mlir::Type type, mlir::Location location) {
  return mlir::arith::ConstantOp::materialize(builder, value, type, location);
}

} // namespace tuned::tt
