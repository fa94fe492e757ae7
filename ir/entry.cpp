#include "ir/entry.h"

#include "ir/text.h"

namespace tuned {

Result<tt::FuncOp> findEntry(mlir::ModuleOp module, const std::string& entry) {
  std::vector<tt::FuncOp> found;
  std::string names;
  for (auto function : module.getOps<tt::FuncOp>()) {
    if (function.isExternal() || (entry.empty() && !function.isPublic())) continue;
    names += (names.empty() ? "" : ", ") + function.getName().str();
    if (entry.empty() || function.getName() == entry) found.push_back(function);
  }
  if (found.size() == 1) return found.front();
  std::string wanted = entry.empty() ? "exactly one public function is needed" : "no function " + entry;
  ErrorKind kind = entry.empty() ? ErrorKind::InvalidInput : ErrorKind::NotFound;
  return fail(
      located({kind, wanted + "; the module has: " + (names.empty() ? "none" : names)}, module.getLoc()));
}

} // namespace tuned
