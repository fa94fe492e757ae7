// Compiles kernels for a GPU, by each of our compilers, into a folder for gpu_compare. Needs no GPU.
//   gpu_prepare --kernels configs/kernels --out DIR
// takes the library's kernels, whole spaces;
//   gpu_prepare --plan --out DIR
// takes what DIR/plan.json lists (case_plan.py), a .ttir for each variant. Sizes are folded into that text,
// so that all compilers get the same.
#include "backend/registry.h"
#include "base/clock.h"
#include "gpu_fold.h"
#include "gpu_plan.h"
#include "ir/frontends/ttir/specialize.h"
#include "ir/module.h"
#include "ir/transforms/passes.h"
#include "tuner/search/space.h"

#include <CLI/CLI.hpp>
#include <atomic>
#include <bit>
#include <chrono>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

using namespace tuned;
using namespace tuned::bench;

namespace {

struct Problem {
  std::string name, document;
  Sizes sizes;
  std::string torch = {}; ///< PlanTask::torch
};

/// Matmul: square and of few rows, and what PyTorch is asked for beside it.
void addProducts(std::vector<Problem>& all) {
  struct Product {
    const char *kernel, *op, *rows;
    int64_t m, n;
  };
  for (const Product& each : {Product{"matmul_f16", "matmul", "k", 4096, 4096},
                              {"matmul_f16", "matmul", "k", 8192, 8192},
                              {"matmul_f16", "matmul", "k", 16, 8192},
                              {"matmul_nt_f16", "matmul", "n", 4096, 4096},
                              {"matmul_nt_f16", "matmul", "n", 8192, 8192},
                              {"matmul_nt_f16", "matmul", "n", 16, 8192},
                              {"matmul_nt_fp8_fast", "matmul_fp8", "n", 4096, 4096},
                              {"matmul_nt_fp8_fast", "matmul_fp8", "n", 8192, 8192}}) {
    const std::string name = each.kernel;
    const nlohmann::json torch = {
        {"op", each.op}, {"b", each.rows}, {"M", each.m}, {"N", each.n}, {"K", each.n}};
    const std::string size = std::to_string(each.m);
    all.push_back({name + "_" + (each.m == each.n ? size : size + "x" + std::to_string(each.n)),
                   name + ".json",
                   {{"M", each.m}, {"N", each.n}, {"K", each.n}},
                   torch.dump()});
  }
}

/// Attention. The backward pass is two kernels here and one call there, which stands beside the larger of
/// them.
void addAttention(std::vector<Problem>& all) {
  for (const char* kernel : {"attention", "attention_dkdv", "attention_dq"})
    for (bool causal : {false, true})
      for (int64_t depth : {64, 128}) {
        const std::string base = kernel, name = base + (causal ? "_causal_f16" : "_f16");
        const nlohmann::json torch = {{"op", base == "attention" ? "forward" : "backward"},
                                      {"heads", 128},
                                      {"length", 4096},
                                      {"depth", depth},
                                      {"causal", causal}};
        all.push_back({name + "_d" + std::to_string(depth),
                       name + ".json",
                       {{"Z", 4}, {"H", 32}, {"HKV", 32}, {"N", 4096}, {"D", depth}},
                       base == "attention_dq" ? "" : torch.dump()});
      }
}

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
  addProducts(all);
  addAttention(all);
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

/// Takes what only Tile IR reads out of a configuration: "latency=2,occupancy=2".
std::string takeHints(Configuration& configuration) {
  std::string text;
  for (const char* name : {"latency", "occupancy", "worker_warps"})
    if (auto found = configuration.extract(name))
      text += (text.empty() ? "" : ",") + found.key() + "=" + std::to_string(found.mapped());
  return text;
}

struct Settings {
  std::filesystem::path kernels = "configs/kernels", folder;
  std::string target = "sm_90a", only;
  std::vector<std::string> compilers;
  std::vector<Configuration> hints = {{}}; ///< Tile IR's, beyond the configuration; the empty one first
  size_t limit = 0;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
};

/// A problem of the library as a task: its space's configurations, the IR of each written to its file.
Result<PlanTask> listVariants(const Settings& settings, const Problem& problem) {
  auto kernel = loadKernel((settings.kernels / problem.document).string());
  if (!kernel) return fail(kernel.error());
  auto space = Space::enumerate(*kernel, problem.sizes);
  if (!space) return fail(space.error());
  const Tolerance tolerance = kernel->tolerance.value_or(Tolerance());
  PlanTask task{problem.name, 0, 0, tolerance.relative, tolerance.absolute, {}, {}, problem.torch};
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
  auto context = makeContext();
  std::map<Configuration, size_t> places; // configurations that differ in hints are one variant
  for (const Configuration& configuration : sample(space->configurations(), settings.limit)) {
    Configuration shared = configuration;
    std::string hints = takeHints(shared);
    auto [place, fresh] = places.try_emplace(shared, task.variants.size());
    if (!fresh) {
      task.variants[place->second].hints->push_back(hints);
      continue;
    }
    PlanVariant variant;
    if (!hints.empty()) variant.hints = {hints};
    variant.id = problem.name + "/" + std::to_string(task.variants.size());
    variant.configuration = toString(shared);
    variant.numWarps = option(configuration, "num_warps", 4);
    variant.numStages = option(configuration, "num_stages", 3);
    variant.numCtas = option(configuration, "num_ctas", 1);
    auto instance = instantiate(*kernel, configuration, problem.sizes);
    if (!instance) return fail(instance.error());
    variant.grid = instance->grid;
    auto module = specialize(*context, *kernel, configuration, problem.sizes);
    if (!module) return fail(module.error());
    // All compilers get this text: sizes folded in, calls inlined, which Triton does before it prints its IR.
    if (mlir::failed(inlineCalls(**module)))
      return fail(ErrorKind::Internal, variant.id + ": its calls cannot be inlined");
    writeFile(settings.folder / (variant.id + ".ttir"), print(**module));
    task.variants.push_back(std::move(variant));
  }
  return task;
}

/// "worker_warps=8,occupancy=2".
Result<Configuration> parseHints(const std::string& text) {
  Configuration hints;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    size_t equals = part.find('=');
    std::string name = part.substr(0, equals);
    bool known = name == "worker_warps" || name == "occupancy" || name == "latency" || name == "num_ctas";
    if (!known || equals == std::string::npos)
      return fail(ErrorKind::InvalidInput, "--hints " + text + ": no hint '" + part + "'",
                  "hints are worker_warps=N, occupancy=N, latency=N, num_ctas=N");
    hints[name] = std::atoll(part.c_str() + equals + 1);
  }
  return hints;
}

/// Compiles every variant of a task by every compiler, in threads.
class Builder {
public:
  explicit Builder(const Settings& settings) : settings_(settings) {}

  void build(PlanTask& task) {
    std::atomic<size_t> next = 0;
    std::vector<std::jthread> threads;
    for (unsigned job = 0; job < settings_.jobs; ++job)
      threads.emplace_back([&] {
        for (size_t i; (i = next++) < task.variants.size();)
          buildVariant(task.variants[i]);
      });
  }
  const std::vector<std::string>& failures() const { return failures_; }

private:
  void buildVariant(PlanVariant& variant) {
    variant.builds.clear();
    std::set<std::string> codes; // a hint that changes nothing makes no second build
    for (const std::string& compiler : settings_.compilers)
      for (const Configuration& hints : hintsOf(variant, compiler)) {
        auto artefact = compile(variant, compiler, hints);
        if (!artefact) {
          std::lock_guard lock(mutex_);
          failures_.push_back(variant.id + " " + compiler + " " + toString(hints) + ": " +
                              artefact.error().text());
          continue;
        }
        if (!codes.insert(artefact->bytes).second) continue;
        writeFile(settings_.folder / (variant.id + "." + std::to_string(variant.builds.size()) + ".cubin"),
                  artefact->bytes);
        artefact->bytes.clear();
        variant.builds.push_back({compiler, toString(hints), std::move(*artefact)});
      }
  }

  /// A variant that lists hints is built by Tile IR with those alone.
  std::vector<Configuration> hintsOf(const PlanVariant& variant, const std::string& compiler) {
    if (compiler != "tileir") return {{}};
    if (!variant.hints || variant.hints->empty()) return settings_.hints;
    std::vector<Configuration> all;
    for (const std::string& text : *variant.hints) {
      auto hints = parseHints(text);
      std::lock_guard lock(mutex_);
      if (hints)
        all.push_back(*hints);
      else
        failures_.push_back(variant.id + ": " + hints.error().text());
    }
    return all;
  }

  Result<Artefact> compile(const PlanVariant& variant, const std::string& name,
                           const Configuration& hints) const {
    auto compiler = makeCompiler(settings_.target, name);
    if (!compiler) return fail(compiler.error());
    std::string path = (settings_.folder / (variant.id + ".ttir")).string();
    auto context = makeContext();
    auto module = parseModule(*context, readFile(path), path);
    if (!module) return fail(module.error());
    CompileOptions options;
    options.target = settings_.target;
    options.compiler = name;
    options.numWarps = static_cast<int>(variant.numWarps);
    options.numStages = static_cast<int>(variant.numStages);
    options.numCtas = static_cast<int>(option(hints, "num_ctas", variant.numCtas));
    options.workerWarps = static_cast<int>(option(hints, "worker_warps", 0));
    options.occupancy = static_cast<int>(option(hints, "occupancy", 0));
    options.latency = static_cast<int>(option(hints, "latency", 0));
    options.grid = variant.grid;
    return (*compiler)->compile(**module, "", options);
  }

  const Settings& settings_;
  std::mutex mutex_;
  std::vector<std::string> failures_;
};

int complain(const std::string& what) {
  std::cerr << "gpu_prepare: " << what << "\n";
  return 1;
}

/// The tasks: those that the folder's plan lists, or the library's.
Result<Plan> planOf(const Settings& settings, bool listed) {
  Plan plan{settings.target, {}};
  if (listed) {
    auto file = settings.folder / "plan.json";
    auto json = nlohmann::json::parse(readFile(file), nullptr, false);
    if (json.is_discarded()) return fail(ErrorKind::InvalidInput, file.string() + " is missing or no JSON");
    plan = planFromJson(json);
    plan.target = settings.target;
    for (const PlanTask& task : plan.tasks)
      for (const PlanVariant& variant : task.variants) {
        auto path = settings.folder / (variant.id + ".ttir");
        auto folded = foldSizes(readFile(path), path.string(), task);
        if (!folded) return fail(folded.error());
        writeFile(path, *folded);
      }
    return plan;
  }
  for (const Problem& problem : problems()) {
    if (!problem.name.starts_with(settings.only)) continue;
    auto task = listVariants(settings, problem);
    if (!task) return fail(task.error());
    plan.tasks.push_back(std::move(*task));
  }
  return plan;
}

int prepare(Settings& settings, bool listed) {
  if (settings.compilers.empty()) settings.compilers = compilersFor(settings.target);
  auto plan = planOf(settings, listed);
  if (!plan) return complain(plan.error().text());
  Builder builder(settings);
  for (PlanTask& task : plan->tasks) {
    if (!task.name.starts_with(settings.only)) continue;
    auto start = std::chrono::steady_clock::now();
    builder.build(task);
    std::map<std::string, size_t> builds;
    for (const PlanVariant& variant : task.variants)
      for (const PlanBuild& build : variant.builds)
        ++builds[build.compiler];
    double seconds = secondsSince(start);
    std::cerr << task.name << ": " << task.variants.size() << " configurations";
    for (const auto& [compiler, count] : builds)
      std::cerr << ", " << count << " builds by " << compiler;
    std::cerr << ", " << seconds << " s\n";
  }
  for (const std::string& failure : builder.failures())
    std::cerr << failure << "\n";
  writeFile(settings.folder / "plan.json", toJson(*plan).dump(1));
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::vector<std::string> hints;
  bool listed = false;
  CLI::App app("compile kernels for gpu_compare");
  app.add_option("--kernels", settings.kernels, "folder of kernel documents");
  app.add_flag("--plan", listed, "compile what plan.json in the folder lists, instead of the library");
  app.add_option("--out", settings.folder, "folder to write")->required();
  app.add_option("--target", settings.target, "architecture");
  app.add_option("--only", settings.only, "problems whose name starts so");
  app.add_option("--limit", settings.limit, "configurations a problem; 0: all");
  app.add_option("--jobs", settings.jobs, "compilations at a time");
  app.add_option("--compilers", settings.compilers, "of nvptx, tileir; else all that are here")
      ->delimiter(',');
  app.add_option("--hints", hints,
                 "a further build by tileir with these, such as worker_warps=8,occupancy=2");
  CLI11_PARSE(app, argc, argv);
  for (const std::string& text : hints) {
    auto parsed = parseHints(text);
    if (!parsed) return complain(parsed.error().text());
    settings.hints.push_back(std::move(*parsed));
  }
  return prepare(settings, listed);
}
