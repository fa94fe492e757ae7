// The default configuration of every library kernel in Triton IR through both NVIDIA compilers. No GPU and
// no tools of NVIDIA's are needed: what assembles is tested elsewhere.
#include "backend/nvptx/nvptx.h"
#include "backend/options.h"
#include "backend/tileir/tileir.h"
#include "ir/frontends/ttir/specialize.h"
#include "tests/tuner/library/library_support.h"

#include <doctest/doctest.h>

using namespace tuned;

namespace {

std::vector<Kernel> kernels() {
  auto all = library::kernelsIn(TUNED_LIBRARY);
  REQUIRE_MESSAGE(all.has_value(), (all ? "" : all.error().text()));
  return std::move(*all);
}

/// The only type that older devices lack.
bool usesEightBits(const Kernel& kernel) {
  return kernel.words.contains("IN") && kernel.words.at("IN").starts_with("f8");
}

/// Compiles the default configuration; `stage` is what came of it, empty if it was not reached.
Result<Artefact> compile(Compiler& compiler, const Kernel& kernel, const Sizes& sizes,
                         const std::string& target, std::string& stage) {
  auto context = makeContext();
  auto module = specialize(*context, kernel, kernel.defaults, sizes);
  REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().text()));
  CompileOptions options = compileOptions(target, kernel.defaults);
  options.assemblerLevel = 0;
  options.grid = instantiate(kernel, kernel.defaults, sizes)->grid;
  options.onStage = [&](const std::string& name, const std::string& text) {
    if (name == "ptx") stage = text;
  };
  return compiler.compile(**module, kernel.entry, options);
}

} // namespace

TEST_CASE("nvptx makes PTX of all of them") {
  auto compiler = nvptx::makeCompiler();
  const std::vector<std::string> targets = {"sm_80", "sm_90a", "sm_120a"};
  size_t number = 0;
  for (const Kernel& kernel : kernels()) {
    CAPTURE(kernel.name);
    const std::string target = targets[number++ % targets.size()];
    std::string ptx;
    auto artefact = compile(*compiler, kernel, library::sizesFor(kernel)[1],
                            usesEightBits(kernel) ? "sm_90a" : target, ptx);
    CHECK_MESSAGE(ptx.find(".entry") != std::string::npos, (artefact ? "" : artefact.error().text()));
  }
}

TEST_CASE("Tile IR can say all of them, at even sizes and at ragged ones") {
  auto emitter = tileir::makeEmitter();
  const std::vector<std::string> targets = {"sm_80", "sm_100a", "sm_120a"};
  size_t number = 0;
  for (const Kernel& kernel : kernels()) {
    CAPTURE(kernel.name);
    const std::vector<Sizes> sizes = library::sizesFor(kernel);
    const std::string other = targets[number++ % targets.size()];
    for (const auto& [target, problem] : {std::pair("sm_90a", sizes[1]), {other.c_str(), sizes[0]}}) {
      CAPTURE(target);
      if (usesEightBits(kernel) && target == targets[0]) continue;
      std::string none;
      auto bytecode = compile(*emitter, kernel, problem, target, none);
      CHECK_MESSAGE(bytecode.has_value(), (bytecode ? "" : bytecode.error().text()));
    }
  }
}

TEST_CASE("the default of a target holds wherever the general one does, and its compiler takes it") {
  const std::vector<std::string> compilers = {"nvptx", "tileir"};
  size_t defaults = 0;
  for (const Kernel& kernel : kernels()) {
    CAPTURE(kernel.name);
    for (const auto& [target, configuration] : kernel.targetDefaults) {
      CAPTURE(target);
      ++defaults;
      const Kernel there = onTarget(kernel, target, compilers);
      CHECK(there.defaults == configuration);
      for (const Sizes& sizes : library::sizesFor(kernel))
        CHECK(satisfiesConstraints(there, there.defaults, sizes).value_or(false) ==
              satisfiesConstraints(kernel, kernel.defaults, sizes).value_or(false));
      if (target == "cpu") continue;
      auto compiler = configuration.contains("compiler") ? tileir::makeEmitter() : nvptx::makeCompiler();
      std::string ptx;
      auto artefact = compile(*compiler, there, library::sizesFor(kernel)[1], target, ptx);
      CHECK_MESSAGE((artefact.has_value() || !ptx.empty()), artefact.error().text());
    }
  }
  CHECK(defaults > 60);
}
