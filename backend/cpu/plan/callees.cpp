#include "backend/cpu/plan/callees.h"

#include <mlir/IR/SymbolTable.h>

namespace tuned::cpu {
namespace {

Result<void> cloneFrom(tt::FuncOp function, mlir::SymbolTable& symbols, Plan::Callees& callees, int depth) {
  llvm::SmallVector<tt::CallOp> calls;
  function.walk([&](tt::CallOp call) { calls.push_back(call); });
  for (tt::CallOp call : calls) {
    auto callee = symbols.lookup<tt::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal())
      return fail(ErrorKind::InvalidInput, "tt.call: no function " + call.getCallee().str());
    if (depth > 32)
      return fail(ErrorKind::Unsupported,
                  "tt.call: " + call.getCallee().str() + " is recursive, or nested too deeply");
    auto clone = mlir::cast<tt::FuncOp>(callee->clone());
    clone.setName((callee.getName() + ".call" + std::to_string(callees.size())).str());
    callee->getParentOfType<mlir::ModuleOp>().push_back(clone);
    callees[call] = clone;
    if (auto inner = cloneFrom(clone, symbols, callees, depth + 1); !inner) return inner;
  }
  return {};
}

} // namespace

Result<Plan::Callees> cloneCallees(tt::FuncOp entry) {
  Plan::Callees callees;
  mlir::SymbolTable symbols(entry->getParentOfType<mlir::ModuleOp>());
  if (auto cloned = cloneFrom(entry, symbols, callees, 0); !cloned) return std::unexpected(cloned.error());
  return callees;
}

} // namespace tuned::cpu
