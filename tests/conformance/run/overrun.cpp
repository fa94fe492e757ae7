#include "tests/conformance/run/overrun.h"
#include "ir/dialect/Dialect.h"

namespace tuned::conformance {
namespace {

/// The entry's argument that a pointer, tensor of pointers or descriptor was made from.
std::optional<unsigned> origin(mlir::Value value, mlir::Block& entry) {
  while (mlir::Operation* op = value.getDefiningOp()) {
    bool follows =
        llvm::isa<tt::AddPtrOp, tt::SplatOp, tt::BroadcastOp, tt::ExpandDimsOp, tt::ReshapeOp, tt::TransOp,
                  tt::BitcastOp, tt::MakeTensorDescOp, tt::MakeTensorPtrOp, tt::AdvanceOp>(op);
    if (!follows) return std::nullopt;
    value = op->getOperand(0);
  }
  auto argument = llvm::cast<mlir::BlockArgument>(value);
  return argument.getOwner() == &entry ? std::optional(argument.getArgNumber()) : std::nullopt;
}

} // namespace

std::optional<std::set<unsigned>> writtenArguments(mlir::ModuleOp module, const std::string& entry) {
  auto function = module.lookupSymbol<mlir::FunctionOpInterface>(entry);
  if (!function || function.isExternal()) return std::nullopt;
  mlir::Block& first = function.getFunctionBody().front();
  std::set<unsigned> written;
  bool known = true;
  function->walk([&](mlir::Operation* op) {
    if (llvm::isa<tt::CallOp, tt::ElementwiseInlineAsmOp>(op)) known = false;
    if (!llvm::isa<tt::StoreOp, tt::AtomicRMWOp, tt::AtomicCASOp, tt::DescriptorStoreOp,
                   tt::DescriptorReduceOp, tt::DescriptorScatterOp>(op))
      return;
    auto from = origin(op->getOperand(0), first);
    from ? void(written.insert(*from)) : void(known = false);
  });
  return known ? std::optional(written) : std::nullopt;
}

} // namespace tuned::conformance
