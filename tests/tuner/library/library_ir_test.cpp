// Configurations of every library kernel, from all over its space, are modules that parse, specialise and
// verify.
#include "ir/frontends/ttir/specialize.h"
#include "tests/tuner/library/library_support.h"
#include "tuner/search/space.h"

#include <doctest/doctest.h>
#include <filesystem>

using namespace tuned;

namespace {

/// About `most` configurations, evenly spread.
void checkKernel(const Kernel& kernel, const Sizes& sizes, size_t most) {
  CAPTURE(kernel.name);
  CAPTURE(toString(sizes));
  auto space = Space::enumerate(kernel, sizes);
  REQUIRE_MESSAGE(space.has_value(), (space ? "" : space.error().text()));
  auto context = makeContext();
  const size_t stride = (space->size() + most - 1) / most;
  for (size_t i = 0; i < space->size(); i += stride) {
    const Configuration& configuration = space->configurations()[i];
    CAPTURE(toString(configuration));
    auto module = specialize(*context, kernel, configuration, sizes);
    REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().text()));
    auto simple = simplify(**module);
    REQUIRE_MESSAGE(simple.has_value(), (simple ? "" : simple.error().text()));
  }
}

} // namespace

TEST_CASE("the library verifies") {
  for (const auto& entry : std::filesystem::directory_iterator(TUNED_LIBRARY)) {
    if (entry.path().extension() != ".json") continue;
    auto kernel = loadKernel(entry.path().string());
    REQUIRE_MESSAGE(kernel.has_value(), (kernel ? "" : kernel.error().text()));
    std::vector<Sizes> sizes = library::sizesFor(*kernel); // even, ragged, tiny
    // Of CUDA C++ what says whether it is right.
    const Kernel& checked = kernel->language == "cuda" ? *kernel->judge : *kernel;
    checkKernel(checked, sizes[0], 100);
    checkKernel(checked, sizes[1], 30);
    if (kernel->judge && kernel->language != "cuda") checkKernel(*kernel->judge, sizes[1], 1);
  }
}
