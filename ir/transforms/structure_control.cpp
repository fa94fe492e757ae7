// Branches between blocks to structured control flow.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <mlir/Conversion/ControlFlowToSCF/ControlFlowToSCF.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Dialect/UB/IR/UBOps.h>
#include <mlir/IR/Dominance.h>
#include <mlir/IR/PatternMatch.h>
#include <mlir/Transforms/RegionUtils.h>

namespace tuned {

namespace {

// The upstream transformation knows functions of the func dialect only.
struct Structure : mlir::ControlFlowToSCFTransformation {
  mlir::FailureOr<mlir::Operation*> createUnreachableTerminator(mlir::Location location,
                                                                mlir::OpBuilder& builder,
                                                                mlir::Region& region) override {
    auto function = mlir::dyn_cast<tt::FuncOp>(region.getParentOp());
    if (!function) return mlir::emitError(location, "an endless loop in a region that must give values");
    llvm::SmallVector<mlir::Value> values;
    for (mlir::Type type : function.getResultTypes())
      values.push_back(getUndefValue(location, builder, type));
    return tt::ReturnOp::create(builder, location, values).getOperation();
  }
};

// scf.index_switch comes from a region left in several ways; nested ifs say the same with fewer kinds of
// operation.
void replaceSwitch(mlir::scf::IndexSwitchOp op) {
  mlir::OpBuilder builder(op);
  auto build = [&](auto& self, mlir::OpBuilder& at, size_t i) -> mlir::ValueRange {
    mlir::Location location = op.getLoc();
    auto moveInto = [&](mlir::Region& from, mlir::Region& to) {
      to.getBlocks().clear();
      to.takeBody(from);
    };
    auto value = mlir::arith::ConstantIndexOp::create(at, location, op.getCases()[i]);
    auto equal =
        mlir::arith::CmpIOp::create(at, location, mlir::arith::CmpIPredicate::eq, op.getArg(), value);
    auto branch = mlir::scf::IfOp::create(at, location, op.getResultTypes(), equal, /*withElseRegion=*/true);
    moveInto(op.getCaseRegions()[i], branch.getThenRegion());
    if (i + 1 == op.getCases().size()) {
      moveInto(op.getDefaultRegion(), branch.getElseRegion());
      return branch.getResults();
    }
    if (branch.getElseRegion().empty()) branch.getElseRegion().emplaceBlock();
    branch.getElseRegion().front().clear();
    auto inner = mlir::OpBuilder::atBlockEnd(&branch.getElseRegion().front());
    mlir::ValueRange results = self(self, inner, i + 1);
    mlir::scf::YieldOp::create(inner, location, results);
    return branch.getResults();
  };
  if (op.getCases().empty()) return;
  op.replaceAllUsesWith(llvm::SmallVector<mlir::Value>(build(build, builder, 0)));
  op.erase();
}

} // namespace

mlir::LogicalResult structureControl(mlir::ModuleOp module) {
  // Triton's front end puts a return of poison behind every early return; nothing branches there.
  mlir::IRRewriter rewriter(module.getContext());
  (void)mlir::eraseUnreachableBlocks(rewriter, module->getRegions());
  llvm::SmallVector<mlir::Region*> regions;
  module.walk([&](mlir::Operation* op) {
    for (mlir::Region& region : op->getRegions())
      if (!region.empty() && !region.hasOneBlock()) regions.push_back(&region);
  });
  if (regions.empty()) return mlir::success();
  module.getContext()->getOrLoadDialect<mlir::scf::SCFDialect>();
  module.getContext()->getOrLoadDialect<mlir::cf::ControlFlowDialect>();
  module.getContext()->getOrLoadDialect<mlir::ub::UBDialect>();
  Structure interface;
  for (mlir::Region* region : regions) {
    mlir::DominanceInfo dominance(region->getParentOp());
    if (mlir::failed(mlir::transformCFGToSCF(*region, interface, dominance))) return mlir::failure();
  }
  llvm::SmallVector<mlir::scf::IndexSwitchOp> switches;
  module.walk([&](mlir::scf::IndexSwitchOp op) { switches.push_back(op); });
  for (auto op : switches)
    replaceSwitch(op);
  return mlir::success();
}

} // namespace tuned
