#include "daemon/worker/variant.h"

#include "backend/options.h"
#include "backend/registry.h"
#include "base/clock.h"
#include "ir/frontends/ttir/specialize.h"

#include <chrono>

namespace tuned {

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
                                const std::string& target, std::function<bool(const Lowered&)> goOn) {
  CompileOptions options = compileOptions(target, configuration);
  options.goOn = std::move(goOn);
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
  double specialising = secondsSince(start);
  auto artefact = (*compiler)->compile(module->get(), kernel.entry, options);
  if (artefact) artefact->phaseSeconds["specialise"] = specialising;
  return artefact;
}

} // namespace tuned
