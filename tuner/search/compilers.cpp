#include "tuner/search/compilers.h"

#include <algorithm>

namespace tuned {
namespace {

const KernelParameter* find(const Kernel& kernel, const char* name) {
  auto found = std::ranges::find(kernel.parameters, name, &KernelParameter::name);
  return found == kernel.parameters.end() ? nullptr : &*found;
}

std::set<std::string> ignoredBy(const std::string& compiler, const Kernel& kernel) {
  if (compiler == "nvptx") return {"num_ctas", "worker_warps", "occupancy", "latency"};
  if (compiler != "tileir") return {};
  std::set<std::string> ignored = {"maxnreg"};
  if (find(kernel, "worker_warps")) ignored.insert("num_warps");
  if (find(kernel, "latency")) ignored.insert("num_stages");
  return ignored;
}

} // namespace

std::vector<CompilerChoice> compilerChoices(const Kernel& kernel, const std::vector<std::string>& compilers) {
  std::vector<CompilerChoice> choices;
  const KernelParameter* named = find(kernel, "compiler");
  for (size_t i = 0; i < kCompilerNames.size() && kernel.language == "ttir"; ++i) {
    auto value = static_cast<int64_t>(i);
    bool present = std::ranges::find(compilers, kCompilerNames[i]) != compilers.end();
    bool wanted = !named || std::ranges::find(named->values, value) != named->values.end();
    if (present && wanted) choices.push_back({value, ignoredBy(kCompilerNames[i], kernel)});
  }
  if (choices.empty()) choices.push_back({});
  return choices;
}

} // namespace tuned
