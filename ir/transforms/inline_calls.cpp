// Calls to bodies, callees first.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <llvm/ADT/DenseSet.h>
#include <mlir/Transforms/Inliner.h>

namespace tuned {

namespace {

class CallInliner {
public:
  explicit CallInliner(mlir::ModuleOp module) : symbols_(module), interface_(module.getContext()) {}

  mlir::LogicalResult inlineInto(tt::FuncOp function) {
    if (done_.contains(function)) return mlir::success();
    if (!open_.insert(function).second)
      return function.emitOpError() << "@" << function.getSymName()
                                    << " calls itself; recursion is not supported";
    llvm::SmallVector<tt::CallOp> calls;
    function.walk([&](tt::CallOp call) { calls.push_back(call); });
    for (tt::CallOp call : calls)
      if (mlir::failed(inlineCall(call))) return mlir::failure();
    open_.erase(function);
    done_.insert(function);
    return mlir::success();
  }

private:
  mlir::LogicalResult inlineCall(tt::CallOp call) {
    auto callee = symbols_.lookup<tt::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal())
      return call.emitOpError() << "calls @" << call.getCallee() << ", which has no body";
    if (mlir::failed(inlineInto(callee))) return mlir::failure();
    callee.getBody().walk([&](mlir::Operation*) { ++copied_; });
    if (copied_ > mostCopied)
      return call.emitOpError() << "of @" << call.getCallee() << " takes what calls are replaced by beyond "
                                << mostCopied << " operations, which is the limit";
    mlir::InlinerConfig config;
    if (mlir::failed(
            mlir::inlineCall(interface_, config.getCloneCallback(), call, callee, &callee.getBody())))
      return call.emitOpError() << "cannot be replaced by the body of @" << call.getCallee();
    call.erase();
    return mlir::success();
  }

  /// Functions that call each other twice double what they become; kernels stay far below.
  static constexpr size_t mostCopied = 50'000;

  size_t copied_ = 0;
  mlir::SymbolTable symbols_;
  mlir::InlinerInterface interface_;
  llvm::DenseSet<mlir::Operation*> done_, open_;
};

} // namespace

mlir::LogicalResult inlineCalls(mlir::ModuleOp module) {
  CallInliner inliner(module);
  auto functions = llvm::to_vector(module.getOps<tt::FuncOp>());
  bool anyPublic = false;
  for (tt::FuncOp function : functions) {
    if (mlir::failed(inliner.inlineInto(function))) return mlir::failure();
    anyPublic |= function.isPublic();
  }
  for (tt::FuncOp function : functions)
    if (anyPublic && !function.isPublic()) function.erase();
  return mlir::success();
}

} // namespace tuned
