#include "daemon/worker/work.h"

#include "ir/analysis/count_work.h"
#include "ir/entry.h"
#include "ir/frontends/ttir/specialize.h"
#include "ir/transforms/passes.h"

namespace tuned {

namespace {
Result<ProgramWork> workOfOne(mlir::MLIRContext& context, const Kernel& kernel,
                              const Configuration& configuration, const Sizes& sizes) {
  if (kernel.language != "ttir")
    return fail(ErrorKind::Unsupported,
                "work is counted in Triton's IR, and '" + kernel.name + "' is not written in it");
  auto module = specialize(context, kernel, configuration, sizes);
  if (!module) return fail(module.error());
  if (auto done = runPasses(**module, simplifyPasses()); !done) return fail(done.error());
  auto function = findEntry(**module, kernel.entry);
  if (!function) return fail(function.error());
  return tt::countWork(*function);
}
} // namespace

std::vector<Result<ProgramWork>> workOf(const Kernel& kernel, std::span<const Configuration> configurations,
                                        const Sizes& sizes) {
  std::vector<Result<ProgramWork>> out;
  auto context = makeContext();
  for (const Configuration& configuration : configurations)
    out.push_back(workOfOne(*context, kernel, configuration, sizes));
  return out;
}

} // namespace tuned
