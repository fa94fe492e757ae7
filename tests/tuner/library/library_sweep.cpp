// Compiles every library kernel in Triton IR for NVIDIA targets, by both compilers and without a GPU, and
// says how many are taken, which are refused and by which operation, and which the assemblers fail on:
//   library_sweep LIBRARY [--target sm_90a]... [--only NAME] [--ragged] [--out DIR]
// LIBRARY: configs/kernels. Without --target all that are named below; each kernel in its default
// configuration for the target, at even sizes or at ragged ones. --out leaves the cubins in DIR, and beside
// each in a file of JSON how it is launched. Exit: 1 where something failed that was not refused.
#include "backend/nvptx/nvptx.h"
#include "backend/options.h"
#include "backend/tileir/tileir.h"
#include "base/model/json.h"
#include "ir/frontends/ttir/specialize.h"
#include "tests/tuner/library/library_support.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

using namespace tuned;

const std::vector<std::string> everyTarget = {"sm_80",   "sm_86",   "sm_89",  "sm_90a",
                                              "sm_100a", "sm_103a", "sm_120a"};

struct Totals {
  int taken = 0;
  std::map<std::string, std::vector<std::string>> refused, failed; ///< kernels by reason
};

struct Settings {
  std::string folder, only, out;
  std::vector<std::string> targets;
  bool ragged = false;
};

/// What a launch takes: the grid, and each argument's value, or its type, fill and number of elements.
nlohmann::json launchOf(const Kernel& kernel, const Sizes& sizes, const Instance& variant,
                        const LaunchMetadata& launch) {
  nlohmann::json out = model::toJson(launch);
  out["grid"] = variant.grid;
  out["arguments"] = nlohmann::json::array();
  for (const KernelArgument& argument : kernel.arguments) {
    nlohmann::json one = {{"type", argument.type}, {"output", argument.output}};
    if (argument.type.starts_with("*"))
      one.update({{"fill", argument.fill}, {"count", *elementCount(kernel, argument, sizes)}});
    else if (argument.value)
      one["value"] = *argument.value->evaluate(bindingsOf(kernel, {}, sizes));
    else
      one["value"] = argument.floatValue.value_or(0);
    out["arguments"].push_back(one);
  }
  return out;
}

Result<Artefact> compile(Compiler& compiler, const Kernel& kernel, const std::string& target,
                         const Settings& settings) {
  Sizes sizes = library::sizesFor(kernel)[settings.ragged ? 1 : 0];
  auto context = makeContext();
  auto module = specialize(*context, kernel, kernel.defaults, sizes);
  if (!module) return fail(module.error());
  auto variant = instantiate(kernel, kernel.defaults, sizes);
  if (!variant) return fail(variant.error());
  CompileOptions options = compileOptions(target, kernel.defaults);
  options.grid = variant->grid;
  auto artefact = compiler.compile(**module, kernel.entry, options);
  if (!artefact || settings.out.empty()) return artefact;
  const std::string stem = settings.out + "/" + kernel.name + "." + compiler.backend();
  std::ofstream(stem + ".cubin", std::ios::binary) << artefact->bytes;
  std::ofstream(stem + ".json") << launchOf(kernel, sizes, *variant, artefact->launch).dump();
  return artefact;
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
int sweep(Compiler& compiler, const std::string& target, const std::vector<Kernel>& kernels,
          const Settings& settings) {
  Totals totals;
  const std::string name = compiler.backend();
  for (const Kernel& kernel : kernels) {
    // A default that names the other compiler is not this one's.
    auto artefact = compile(compiler, onTarget(kernel, target, {name}), target, settings);
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
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    bool more = i + 1 < argc;
    if (more && !std::strcmp(argv[i], "--target"))
      settings.targets.emplace_back(argv[++i]);
    else if (more && !std::strcmp(argv[i], "--only"))
      settings.only = argv[++i];
    else if (more && !std::strcmp(argv[i], "--out"))
      settings.out = argv[++i];
    else if (!std::strcmp(argv[i], "--ragged"))
      settings.ragged = true;
    else
      settings.folder = argv[i];
  }
  if (settings.folder.empty())
    return std::cerr << "library_sweep LIBRARY [--target T]... [--only NAME] [--ragged] [--out DIR]\n", 2;
  auto kernels = library::kernelsIn(settings.folder);
  if (!kernels) return std::cerr << kernels.error().text() << "\n", 2;
  std::erase_if(*kernels, [&](const Kernel& kernel) { return !kernel.name.starts_with(settings.only); });
  if (!settings.out.empty()) std::filesystem::create_directories(settings.out);
  int failed = 0;
  auto nvptx = nvptx::makeCompiler(), tileir = tileir::makeCompiler();
  for (const std::string& target : settings.targets.empty() ? everyTarget : settings.targets) {
    failed += sweep(*nvptx, target, *kernels, settings);
    failed += sweep(*tileir, target, *kernels, settings);
  }
  return failed == 0 ? 0 : 1;
}
