// Compiles every library kernel in Triton IR for NVIDIA targets, by both compilers and without a GPU, and
// says how many are taken, which are refused and by which operation, and which the assemblers fail on:
//   library_sweep LIBRARY [--target sm_90a]... [--only NAME]
// LIBRARY: configs/kernels. Without --target all that are named below; each kernel in its default
// configuration, at even sizes. Exit: 1 where something failed that was not refused.
#include "backend/nvptx/nvptx.h"
#include "backend/options.h"
#include "backend/tileir/tileir.h"
#include "ir/frontends/ttir/specialize.h"
#include "tests/tuner/library/library_support.h"

#include <cstring>
#include <iostream>

namespace {

using namespace tuned;

const std::vector<std::string> everyTarget = {"sm_80",   "sm_86",   "sm_89",  "sm_90a",
                                              "sm_100a", "sm_103a", "sm_120a"};

struct Totals {
  int taken = 0;
  std::map<std::string, std::vector<std::string>> refused, failed; ///< kernels by reason
};

Result<Artefact> compile(Compiler& compiler, const Kernel& kernel, const std::string& target) {
  Sizes sizes = library::sizesFor(kernel).front();
  auto context = makeContext();
  auto module = specialize(*context, kernel, kernel.defaults, sizes);
  if (!module) return fail(module.error());
  auto variant = instantiate(kernel, kernel.defaults, sizes);
  if (!variant) return fail(variant.error());
  CompileOptions options = compileOptions(target, kernel.defaults);
  options.grid = variant->grid;
  return compiler.compile(**module, kernel.entry, options);
}

int count(const std::map<std::string, std::vector<std::string>>& reasons) {
  int all = 0;
  for (const auto& [reason, names] : reasons)
    all += static_cast<int>(names.size());
  return all;
}

void print(const char* what, const std::map<std::string, std::vector<std::string>>& reasons) {
  for (const auto& [reason, names] : reasons) {
    std::cout << "  " << what << " " << names.size() << " × " << reason << ":";
    for (const std::string& name : names)
      std::cout << " " << name;
    std::cout << std::endl;
  }
}

/// Prints a line a target; the number of those that failed.
int sweep(Compiler& compiler, const std::string& name, const std::string& target,
          const std::vector<Kernel>& kernels) {
  Totals totals;
  for (const Kernel& kernel : kernels) {
    auto artefact = compile(compiler, kernel, target);
    if (artefact)
      ++totals.taken;
    else
      (artefact.error().kind == ErrorKind::Unsupported ? totals.refused
                                                       : totals.failed)[artefact.error().message]
          .push_back(kernel.name);
  }
  std::cout << target << " " << name << ": " << totals.taken << " taken, " << count(totals.refused)
            << " refused, " << count(totals.failed) << " failed" << std::endl;
  print("refused", totals.refused);
  print("failed", totals.failed);
  return count(totals.failed);
}

} // namespace

int main(int argc, char** argv) {
  std::string folder, only;
  std::vector<std::string> targets;
  for (int i = 1; i < argc; ++i) {
    bool more = i + 1 < argc;
    if (more && !std::strcmp(argv[i], "--target"))
      targets.emplace_back(argv[++i]);
    else if (more && !std::strcmp(argv[i], "--only"))
      only = argv[++i];
    else
      folder = argv[i];
  }
  if (folder.empty()) return std::cerr << "library_sweep LIBRARY [--target T]... [--only NAME]\n", 2;
  auto kernels = library::kernelsIn(folder);
  if (!kernels) return std::cerr << kernels.error().text() << "\n", 2;
  std::erase_if(*kernels, [&](const Kernel& kernel) { return !kernel.name.starts_with(only); });
  int failed = 0;
  auto nvptx = nvptx::makeCompiler(), tileir = tileir::makeCompiler();
  for (const std::string& target : targets.empty() ? everyTarget : targets) {
    failed += sweep(*nvptx, "nvptx", target, *kernels);
    failed += sweep(*tileir, "tileir", target, *kernels);
  }
  return failed == 0 ? 0 : 1;
}
