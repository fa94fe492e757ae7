#include "daemon/worker/variant.h"

#include "backend/registry.h"
#include "ir/module.h"

#include <chrono>

namespace tuned {

namespace {
int64_t valueOr(const Configuration& configuration, const char* name, int64_t absent) {
  auto found = configuration.find(name);
  return found == configuration.end() ? absent : found->second;
}
} // namespace

CompileOptions compileOptions(const std::string& target, const Configuration& configuration) {
  CompileOptions options;
  options.target = target;
  options.numWarps = static_cast<int>(valueOr(configuration, "num_warps", options.numWarps));
  options.numStages = static_cast<int>(valueOr(configuration, "num_stages", options.numStages));
  options.numCtas = static_cast<int>(valueOr(configuration, "num_ctas", options.numCtas));
  options.maxRegisters = static_cast<int>(valueOr(configuration, "maxnreg", options.maxRegisters));
  return options;
}

Result<Artefact> compileVariant(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes,
                                const std::string& target) {
  auto compiler = makeCompiler(target);
  if (!compiler) return fail(compiler.error());
  auto start = std::chrono::steady_clock::now();
  auto context = makeContext();
  auto module = specialize(*context, kernel, configuration, sizes);
  if (!module) return fail(module.error());
  double specialising = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  auto artefact = (*compiler)->compile(module->get(), kernel.entry, compileOptions(target, configuration));
  if (artefact) artefact->phaseSeconds["specialise"] = specialising;
  return artefact;
}

} // namespace tuned
