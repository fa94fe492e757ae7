// Compiles the library's kernels for a GPU, whole spaces, into a folder for gpu_compare. Needs no GPU.
//   gpu_prepare --kernels configs/kernels --out DIR [--target sm_90a] [--only NAME] [--limit N] [--jobs N]
#include "backend/registry.h"
#include "gpu_plan.h"
#include "ir/frontends/ttir/specialize.h"
#include "tuner/search/space.h"

#include <CLI/CLI.hpp>
#include <atomic>
#include <bit>
#include <chrono>
#include <iostream>
#include <mutex>
#include <set>
#include <thread>

using namespace tuned;
using namespace tuned::bench;

namespace {

struct Problem {
  std::string name, document;
  Sizes sizes;
};

std::vector<Problem> problems() {
  std::vector<Problem> all = {{"relu_32Mi", "relu.json", {{"n_elements", 1 << 25}}},
                              {"add_32Mi", "add.json", {{"n_elements", 1 << 25}}}};
  for (int64_t columns : {1024, 4096, 16384})
    all.push_back(
        {"softmax_8192x" + std::to_string(columns), "softmax.json", {{"n_rows", 8192}, {"n_cols", columns}}});
  for (int64_t columns : {1024, 4096, 16384})
    all.push_back({"layer_norm_f16_8192x" + std::to_string(columns),
                   "layer_norm_f16.json",
                   {{"n_rows", 8192}, {"n_cols", columns}}});
  all.push_back({"matmul_f16_4096", "matmul_f16.json", {{"M", 4096}, {"N", 4096}, {"K", 4096}}});
  return all;
}

Result<PlanArgument> evaluate(const Kernel& kernel, const KernelArgument& argument, const Sizes& sizes) {
  PlanArgument result{argument.name, argument.type, argument.fill, 0, 4, 0, argument.output};
  auto bytes = elementBytes(argument.type);
  if (!bytes) return fail(bytes.error());
  result.bytes = *bytes;
  if (argument.type.starts_with("*")) {
    auto count = elementCount(kernel, argument, sizes);
    if (!count) return fail(count.error());
    result.elements = *count;
  } else if (argument.floatValue) {
    if (argument.type != "f32")
      return fail(ErrorKind::Unsupported, "a scalar argument of type " + argument.type);
    result.bits = std::bit_cast<uint32_t>(static_cast<float>(*argument.floatValue));
  } else if (argument.value) {
    auto value = argument.value->evaluate(bindingsOf(kernel, {}, sizes));
    if (!value) return fail(value.error());
    result.bits = static_cast<uint64_t>(*value);
  }
  return result;
}

int64_t option(const Configuration& configuration, const char* name, int64_t otherwise) {
  auto found = configuration.find(name);
  return found == configuration.end() ? otherwise : found->second;
}

/// At most `limit` of them, evenly spread.
std::vector<Configuration> sample(const std::vector<Configuration>& all, size_t limit) {
  if (limit == 0 || all.size() <= limit) return all;
  std::vector<Configuration> some;
  for (size_t i = 0; i < limit; ++i)
    some.push_back(all[i * all.size() / limit]);
  return some;
}

struct Failure {
  std::string id;
  Error error;
};

class Preparation {
public:
  Preparation(std::filesystem::path folder, std::string target)
      : folder(std::move(folder)), target(std::move(target)) {}

  Result<PlanTask> prepare(const Problem& problem, const std::filesystem::path& kernels, size_t limit,
                           unsigned jobs) {
    auto kernel = loadKernel((kernels / problem.document).string());
    if (!kernel) return fail(kernel.error());
    auto space = Space::enumerate(*kernel, problem.sizes);
    if (!space) return fail(space.error());
    PlanTask task{problem.name, 0, 0, kernel->tolerance.relative, kernel->tolerance.absolute, {}, {}};
    Bindings bindings = bindingsOf(*kernel, {}, problem.sizes);
    if (kernel->work.flops)
      task.flops = static_cast<double>(kernel->work.flops->evaluate(bindings).value_or(0));
    if (kernel->work.bytes)
      task.bytes = static_cast<double>(kernel->work.bytes->evaluate(bindings).value_or(0));
    for (const KernelArgument& argument : kernel->arguments) {
      auto evaluated = evaluate(*kernel, argument, problem.sizes);
      if (!evaluated) return fail(evaluated.error());
      task.arguments.push_back(*evaluated);
    }
    std::vector<Configuration> configurations = sample(space->configurations(), limit);
    task.variants.resize(configurations.size());
    std::atomic<size_t> next = 0;
    {
      std::vector<std::jthread> threads;
      for (unsigned job = 0; job < jobs; ++job)
        threads.emplace_back([&] {
          for (size_t i; (i = next++) < configurations.size();)
            prepareOne(problem, *kernel, configurations[i], i, task.variants[i]);
        });
    }
    // num_stages changes our code in some loops only: each code is timed once.
    std::set<std::string> seen;
    for (size_t i = 0; i < configurations.size(); ++i) {
      PlanVariant& variant = task.variants[i];
      if (!variant.hasOurs) continue;
      Configuration rest = configurations[i];
      rest.erase("num_stages");
      auto cubin = folder / (variant.id + ".ours.cubin");
      variant.hasOurs = seen.insert(toString(rest) + readFile(cubin)).second;
      if (!variant.hasOurs) std::filesystem::remove(cubin);
    }
    return task;
  }

  std::vector<Failure> failures;

private:
  void prepareOne(const Problem& problem, const Kernel& kernel, const Configuration& configuration,
                  size_t index, PlanVariant& variant) {
    variant.id = problem.name + "/" + std::to_string(index);
    variant.configuration = toString(configuration);
    variant.numWarps = option(configuration, "num_warps", 4);
    variant.numStages = option(configuration, "num_stages", 3);
    auto context = makeContext();
    auto instance = instantiate(kernel, configuration, problem.sizes);
    if (!instance) return note(variant.id, instance.error());
    variant.grid = instance->grid;
    auto module = specialize(*context, kernel, configuration, problem.sizes);
    if (!module) return note(variant.id, module.error());
    // Both compilers get this text: sizes folded in, nothing else done to it.
    writeFile(folder / (variant.id + ".ttir"), print(**module));
    auto compiler = makeCompiler(target);
    if (!compiler) return note(variant.id, compiler.error());
    CompileOptions options;
    options.target = target;
    options.numWarps = static_cast<int>(variant.numWarps);
    options.numStages = static_cast<int>(variant.numStages);
    auto artefact = (*compiler)->compile(**module, kernel.entry, options);
    if (!artefact) return note(variant.id, artefact.error());
    writeFile(folder / (variant.id + ".ours.cubin"), artefact->bytes);
    artefact->bytes.clear();
    variant.ours = std::move(*artefact);
    variant.hasOurs = true;
  }

  void note(const std::string& id, const Error& error) {
    std::lock_guard lock(mutex);
    failures.push_back({id, error});
  }

  std::filesystem::path folder;
  std::string target;
  std::mutex mutex;
};

} // namespace

int main(int argc, char** argv) {
  std::string kernels = "configs/kernels", out, target = "sm_90a", only;
  size_t limit = 0;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  CLI::App app("compile the library for gpu_compare");
  app.add_option("--kernels", kernels, "folder of kernel documents");
  app.add_option("--out", out, "folder to write")->required();
  app.add_option("--target", target, "architecture");
  app.add_option("--only", only, "problems whose name starts so");
  app.add_option("--limit", limit, "configurations a problem; 0: all");
  app.add_option("--jobs", jobs, "compilations at a time");
  CLI11_PARSE(app, argc, argv);

  Preparation preparation(out, target);
  Plan plan{target, {}};
  for (const Problem& problem : problems()) {
    if (!problem.name.starts_with(only)) continue;
    auto start = std::chrono::steady_clock::now();
    auto task = preparation.prepare(problem, kernels, limit, jobs);
    if (!task) {
      std::cerr << problem.name << ": " << task.error().text() << "\n";
      return 1;
    }
    auto compiled = std::ranges::count_if(task->variants, &PlanVariant::hasOurs);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::cerr << problem.name << ": " << task->variants.size() << " configurations, " << compiled
              << " compiled, " << seconds << " s\n";
    plan.tasks.push_back(std::move(*task));
  }
  for (const Failure& failure : preparation.failures)
    std::cerr << failure.id << ": " << failure.error.text() << "\n";
  writeFile(std::filesystem::path(out) / "plan.json", toJson(plan).dump(1));
  return 0;
}
