// The library's kernels in CUDA C++: configurations spread over each space become cubins, and the default
// spills nothing.
#include "backend/nvrtc/nvrtc.h"
#include "tuner/search/space.h"

#include <doctest/doctest.h>
#include <filesystem>

using namespace tuned;

namespace {

constexpr size_t compiledPerKernel = 6;

void compileSome(const Kernel& kernel, const Sizes& sizes, const std::string& target) {
  auto space = Space::enumerate(kernel, sizes);
  REQUIRE_MESSAGE(space.has_value(), (space ? "" : space.error().text()));
  std::vector<Configuration> chosen = {kernel.defaults};
  for (size_t i = 0; i < compiledPerKernel; ++i)
    chosen.push_back(space->configurations()[i * (space->size() - 1) / (compiledPerKernel - 1)]);
  for (const Configuration& configuration : chosen) {
    CAPTURE(toString(configuration));
    auto variant = cudaVariant(kernel, configuration, sizes);
    REQUIRE_MESSAGE(variant.has_value(), (variant ? "" : variant.error().text()));
    CompileOptions options;
    options.target = target;
    auto artefact = nvrtc::makeCompiler()->compile(*variant, options);
    REQUIRE_MESSAGE(artefact.has_value(), (artefact ? "" : artefact.error().text()));
    if (configuration == kernel.defaults) CHECK(artefact->resources.spillBytes == 0);
  }
}

} // namespace

TEST_CASE("the library's CUDA C++ compiles") {
  if (!nvrtc::present()) {
    MESSAGE("skipped: no NVRTC on this machine");
    return;
  }
  int kernels = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TUNED_LIBRARY)) {
    if (entry.path().extension() != ".json") continue;
    auto kernel = loadKernel(entry.path().string());
    REQUIRE_MESSAGE(kernel.has_value(), (kernel ? "" : kernel.error().text()));
    if (kernel->language != "cuda") continue;
    ++kernels;
    CAPTURE(kernel->name);
    Sizes sizes;
    for (const std::string& name : kernel->sizes)
      sizes[name] = 1024;
    compileSome(*kernel, sizes, "sm_90a");
  }
  CHECK(kernels == 5);
}
