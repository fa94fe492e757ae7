// Every document of configs/kernels: the whole space instantiates, at even and at ragged sizes, and reads
// back the same.
#include "ir/frontends/cuda/variant.h"
#include "tests/tuner/library/library_support.h"
#include "tuner/search/space.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <set>

using namespace tuned;
using tuned::library::sizesFor;

namespace {

std::vector<std::string> documents() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(TUNED_LIBRARY))
    if (entry.path().extension() == ".json") out.push_back(entry.path().string());
  return out;
}

} // namespace

TEST_CASE("every configuration of every library kernel instantiates") {
  REQUIRE(documents().size() >= 10);
  std::set<std::string> ids;
  for (const std::string& path : documents()) {
    CAPTURE(path);
    auto kernel = loadKernel(path);
    REQUIRE_MESSAGE(kernel.has_value(), (kernel ? "" : kernel.error().text()));
    CHECK(std::filesystem::path(path).stem() == kernel->name);
    CHECK_MESSAGE(ids.insert(kernel->id()).second, "two documents are one kernel");
    auto again = parseKernel(toJson(*kernel), "");
    REQUIRE(again.has_value());
    CHECK(again->id() == kernel->id());
    for (const Sizes& sizes : sizesFor(*kernel)) {
      CAPTURE(toString(sizes));
      auto space = Space::enumerate(*kernel, sizes);
      REQUIRE_MESSAGE(space.has_value(), (space ? "" : space.error().text()));
      for (const Configuration& configuration : space->configurations()) {
        auto instance = instantiate(*kernel, configuration, sizes);
        REQUIRE_MESSAGE(instance.has_value(), (instance ? "" : instance.error().text()));
        CHECK(instance->source.find("${") == std::string::npos);
        if (kernel->language != "cuda") continue;
        auto variant = cudaVariant(*kernel, configuration, sizes);
        CHECK_MESSAGE(variant.has_value(), (variant ? "" : variant.error().text()));
      }
    }
  }
}

TEST_CASE("spaces have 20 to a few hundred configurations and hold the default") {
  for (const std::string& path : documents()) {
    CAPTURE(path);
    Kernel kernel = *loadKernel(path);
    auto space = Space::enumerate(kernel, sizesFor(kernel).front());
    REQUIRE(space.has_value());
    CHECK(space->size() >= (kernel.language == "cuda" ? 15 : 20)); // Kernel Tuner's vector add has 15
    CHECK(space->size() <= 400);
    CHECK(space->find(kernel.defaults) < space->size());
    CHECK((kernel.work.flops.has_value() || kernel.name == "transpose")); // which only moves
    CHECK(kernel.work.bytes.has_value());
  }
}
