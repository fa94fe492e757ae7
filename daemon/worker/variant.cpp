#include "daemon/worker/variant.h"

#include "backend/registry.h"
#include "ir/frontends/ttir/specialize.h"

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
  auto compiler = static_cast<size_t>(valueOr(configuration, "compiler", 0));
  options.compiler = compiler == 0 ? "" : compiler < kCompilerNames.size() ? kCompilerNames[compiler] : "?";
  options.numWarps = static_cast<int>(valueOr(configuration, "num_warps", options.numWarps));
  options.numStages = static_cast<int>(valueOr(configuration, "num_stages", options.numStages));
  options.numCtas = static_cast<int>(valueOr(configuration, "num_ctas", options.numCtas));
  options.maxRegisters = static_cast<int>(valueOr(configuration, "maxnreg", options.maxRegisters));
  options.workerWarps = static_cast<int>(valueOr(configuration, "worker_warps", options.workerWarps));
  options.occupancy = static_cast<int>(valueOr(configuration, "occupancy", options.occupancy));
  options.latency = static_cast<int>(valueOr(configuration, "latency", options.latency));
  return options;
}

namespace {
Result<Artefact> compileCuda(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes,
                             const CompileOptions& options) {
  auto compiler = makeSourceCompiler(options.target);
  if (!compiler) return fail(compiler.error());
  auto variant = cudaVariant(kernel, configuration, sizes);
  if (!variant) return fail(variant.error());
  return (*compiler)->compile(*variant, options);
}
} // namespace

Result<Artefact> compileVariant(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes,
                                const std::string& target) {
  CompileOptions options = compileOptions(target, configuration);
  if (kernel.language == "cuda") return compileCuda(kernel, configuration, sizes, options);
  auto compiler = makeCompiler(target, options.compiler);
  if (!compiler) return fail(compiler.error());
  auto instance = instantiate(kernel, configuration, sizes);
  if (!instance) return fail(instance.error());
  options.grid = instance->grid;
  auto start = std::chrono::steady_clock::now();
  auto context = makeContext();
  auto module = specialize(*context, kernel, configuration, sizes);
  if (!module) return fail(module.error());
  double specialising = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  auto artefact = (*compiler)->compile(module->get(), kernel.entry, options);
  if (artefact) artefact->phaseSeconds["specialise"] = specialising;
  return artefact;
}

} // namespace tuned
