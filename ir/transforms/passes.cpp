#include "ir/transforms/passes.h"

#include "ir/module.h"
#include "ir/text.h"

#include <array>

namespace tuned {

std::span<const Pass> simplifyPasses() {
  static constexpr std::array passes = {Pass{"check-kernels", checkKernels},
                                        Pass{"structure-control", structureControl},
                                        Pass{"inline-calls", inlineCalls},
                                        Pass{"expand-operations", expandOperations},
                                        Pass{"canonicalize", canonicalize},
                                        Pass{"expand-block-pointers", expandBlockPointers},
                                        Pass{"eliminate-common", eliminateCommon},
                                        Pass{"hoist-invariants", hoistInvariants},
                                        Pass{"canonicalize-again", canonicalize},
                                        Pass{"eliminate-common-again", eliminateCommon},
                                        Pass{"fix-poison", fixPoison}};
  return passes;
}

Result<void> runPasses(mlir::ModuleOp module, std::span<const Pass> passes,
                       const std::function<void(const Pass&)>& after) {
  FirstError errors(*module.getContext());
  for (const Pass& pass : passes) {
    if (mlir::failed(pass.run(module)))
      return fail(errors.take(std::string("pass ") + pass.name + " failed without a reason"));
    if (after) after(pass);
  }
  return {};
}

Result<void> simplify(mlir::ModuleOp module) {
  return runPasses(module, simplifyPasses());
}

} // namespace tuned
