#include "tests/tuner/library/library_support.h"

#include "backend/reference/reference.h"
#include "ir/frontends/ttir/specialize.h"
#include "tuner/measure/element.h"
#include "tuner/measure/workbench.h"

#include <cmath>
#include <doctest/doctest.h>

namespace tuned::library {

namespace {

Values valuesOf(const std::string& type, std::span<const std::byte> bytes) {
  ElementInfo info = elementInfo(type);
  Values out;
  for (size_t at = 0; at < bytes.size(); at += info.bytes)
    out.push_back(readElement(info.type, bytes.data() + at));
  return out;
}

} // namespace

Kernel load(const std::string& name) {
  auto kernel = loadKernel(std::string(TUNED_LIBRARY) + "/" + name + ".json");
  REQUIRE_MESSAGE(kernel.has_value(), (kernel ? "" : kernel.error().text()));
  return std::move(*kernel);
}

Run launch(const std::string& name, const Configuration& changes, const Sizes& sizes) {
  return launch(load(name), changes, sizes);
}

Run launch(const Kernel& kernel, const Configuration& changes, const Sizes& sizes) {
  Configuration configuration = kernel.defaults;
  for (const auto& [parameter, value] : changes)
    configuration[parameter] = value;
  auto context = makeContext();
  auto module = specialize(*context, kernel, configuration, sizes);
  REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().text()));
  auto artefact =
      makeReferenceCompiler()->compile(**module, kernel.entry, CompileOptions{.target = "reference"});
  REQUIRE_MESSAGE(artefact.has_value(), (artefact ? "" : artefact.error().text()));
  auto device = openReferenceDevice();
  auto bench = Workbench::open(*device, kernel, sizes, 11);
  REQUIRE_MESSAGE(bench.has_value(), (bench ? "" : bench.error().text()));
  auto loaded = device->load(*artefact);
  REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().text()));
  auto launched =
      device->launch(**loaded, instantiate(kernel, configuration, sizes)->grid, (*bench)->arguments());
  REQUIRE_MESSAGE(launched.has_value(), (launched ? "" : launched.error().text()));
  CHECK_FALSE(*(*bench)->brokenGuard());
  CHECK_FALSE(*(*bench)->changedInput());
  Run run;
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    const KernelArgument& argument = kernel.arguments[i];
    if (!argument.type.starts_with("*")) continue;
    run.before[argument.name] = valuesOf(argument.type, (*bench)->initial(i));
    if (argument.output) run.after[argument.name] = valuesOf(argument.type, *(*bench)->read(i));
  }
  return run;
}

void checkClose(const Values& got, const Values& expected, double relative, double absolute) {
  REQUIRE(got.size() == expected.size());
  int wrong = 0;
  for (size_t i = 0; i < got.size(); ++i)
    if (!(std::fabs(got[i] - expected[i]) <= absolute + relative * std::fabs(expected[i])) && wrong++ == 0)
      MESSAGE("element " << i << ": got " << got[i] << ", expected " << expected[i]);
  CHECK(wrong == 0);
}

} // namespace tuned::library
