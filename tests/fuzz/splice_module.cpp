// An operation of another module with all that its operands come from.
#include "ir/dialect/Dialect.h"
#include "tests/fuzz/mutate_module.h"

#include <mlir/IR/Builders.h>
#include <mlir/IR/IRMapping.h>
#include <mlir/Transforms/RegionUtils.h>

namespace tuned {
namespace {

class Splicer {
public:
  Splicer(mlir::Operation* place, Random& random) : place_(place), builder_(place), random_(random) {}

  mlir::Operation* copy(mlir::Operation* op) {
    if (++copied_ > mostOperations) return nullptr;
    for (mlir::Value operand : op->getOperands())
      if (!provide(operand)) return nullptr;
    llvm::SetVector<mlir::Value> captured;
    mlir::getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (mlir::Value value : captured)
      if (!provide(value)) return nullptr;
    return builder_.clone(*op, mapping_);
  }

private:
  static constexpr int mostOperations = 64;

  /// A value of this module that stands for `value`: mostly what it comes from, sometimes another of its
  /// type.
  bool provide(mlir::Value value) {
    if (mapping_.contains(value)) return true;
    auto here = valuesBefore(place_, value.getType());
    mlir::Operation* source = value.getDefiningOp();
    if (!here.empty() && (!source || random_.oneIn(4))) {
      mapping_.map(value, random_.of(here));
      return true;
    }
    if (source) return copy(source) != nullptr;
    mlir::Value argument = newArgument(place_, value.getType());
    if (argument) mapping_.map(value, argument);
    return argument != nullptr;
  }

  mlir::Operation* place_;
  mlir::OpBuilder builder_;
  mlir::IRMapping mapping_;
  Random& random_;
  int copied_ = 0;
};

} // namespace

bool spliceModule(mlir::ModuleOp into, mlir::ModuleOp from, Random& random) {
  auto places = operationsIn(into), sources = operationsIn(from);
  std::erase_if(sources, [](mlir::Operation* op) {
    return op->hasTrait<mlir::OpTrait::IsTerminator>() || mlir::isa<tt::CallOp>(op);
  });
  if (places.empty() || sources.empty()) return false;
  mlir::Operation* copied = Splicer(random.of(places), random).copy(random.of(sources));
  if (!copied) return false;
  for (mlir::Value result : copied->getResults())
    keepAlive(result, random);
  return true;
}

} // namespace tuned
