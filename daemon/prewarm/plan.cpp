#include "daemon/prewarm/plan.h"

#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/service/answers/convert.h"
#include "daemon/worker_pool/pool.h"
#include "tuner/search/space.h"

#include <algorithm>
#include <set>

namespace tuned::prewarm {
namespace {

constexpr size_t mostItems = 2000000;
constexpr size_t largestSpace = 65536; ///< of which a few are chosen with all of it at hand
constexpr double discoverySeconds = 60;

/// A target as builds are made for it.
struct Target {
  std::string compileTarget, toolchain;
  std::set<std::string> ignored; ///< launch options that its compilers do not read
  std::vector<std::string> compilers;
};

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

Result<Target> targetOf(const std::string& name, const Toolchain& toolchain) {
  if (name.starts_with("sm_") && name.size() > 4) {
    const auto& known = toolchain.gpuTargets;
    if (!known.empty() && std::ranges::find(known, name) == known.end())
      return fail(ErrorKind::InvalidInput, "no compiler here has a target '" + name + "'",
                  "choose among " + joined(known));
    return Target{name, toolchainId(name, toolchain.compiler, toolchain.assembler), {}, toolchain.gpu};
  }
  if (name != "cpu")
    return fail(ErrorKind::InvalidInput, "no target '" + name + "'", "targets are sm_80 to sm_120a, and cpu");
  if (!toolchain.cpu) return fail(ErrorKind::Unavailable, "this machine's CPU cannot be compiled for");
  const Capabilities& can = toolchain.cpu->capabilities;
  return Target{can.compileTarget.empty() ? toolchain.cpu->architecture : can.compileTarget,
                toolchainId(toolchain.cpu->architecture, toolchain.compiler, toolchain.assembler),
                {can.ignoredOptions.begin(), can.ignoredOptions.end()},
                toolchain.cpu->compilers};
}

/// Documents read once.
class Documents {
public:
  explicit Documents(Plan& plan) : plan_(plan) {}

  struct Known {
    std::shared_ptr<const Kernel> kernel;
    std::string id, document;
  };

  Result<Known> get(const std::string& path) {
    if (auto found = known_.find(path); found != known_.end()) return found->second;
    auto kernel = loadKernel(path);
    if (!kernel) return fail(kernel.error());
    Known known{std::make_shared<const Kernel>(std::move(*kernel)), "", ""};
    known.id = known.kernel->id();
    known.document = toJson(*known.kernel);
    store::DocumentRecord record;
    record.sha = sha256(known.document);
    record.kernel = known.id;
    record.name = known.kernel->name;
    record.text = known.document;
    plan_.documents[known.id] = record;
    return known_[path] = known;
  }

private:
  Plan& plan_;
  std::map<std::string, Known> known_;
};

Result<void> addProblem(Plan& plan, const Documents::Known& known, const Sizes& sizes, const Target& target,
                        int64_t count) {
  const Kernel kernel = onTarget(*known.kernel, target.compileTarget, target.compilers);
  auto space = Space::enumerate(kernel, sizes, target.ignored, target.compilers);
  if (!space)
    return fail(space.error().kind, kernel.name + " at " + toString(sizes) + ": " + space.error().message,
                space.error().remedy);
  auto arguments = argumentsOf(*known.kernel, sizes);
  auto problem = std::make_shared<tuned::Problem>();
  problem->id = known.id + toKey(sizes) + target.toolchain;
  problem->kernel = known.id;
  problem->document = known.document;
  problem->sizes = sizes;
  problem->compileTarget = target.compileTarget;
  problem->toolchain = target.toolchain;
  if (arguments) problem->arguments = std::move(*arguments);
  const auto tooMany = [] {
    return fail(ErrorKind::InvalidInput, "the manifest asks for more than two million builds",
                "limit \"configurations\"");
  };
  if (count == 0 && space->size() > mostItems) return tooMany();
  // A few of a very large space are chosen from an even part of it.
  const size_t step = count == 0 ? 1 : space->size() / largestSpace + 1;
  std::vector<Configuration> all;
  for (size_t i = 0; i < space->size(); i += step)
    all.push_back(space->configuration(i));
  for (Configuration& configuration : chosen(std::move(all), kernel.defaults, count))
    plan.items.push_back({problem, kernel.name, std::move(configuration)});
  if (plan.items.size() > mostItems) return tooMany();
  return {};
}

} // namespace

BuildKey Item::key() const {
  return {problem->kernel, toKey(problem->sizes), toKey(configuration), problem->toolchain, "", ""};
}

Result<Toolchain> findToolchain(const std::string& worker) {
  WorkerPool pool({{worker, {"devices", "--channel"}}, 1, true});
  auto answer = pool.call("devices", {{"op", "devices"}}, discoverySeconds);
  if (!answer) return fail(answer.error());
  Toolchain out{answer->value("build", ""),
                answer->value("assembler", ""),
                std::nullopt,
                answer->value("gpu_compilers", std::vector<std::string>()),
                answer->value("gpu_targets", std::vector<std::string>()),
                answer->value("notices", std::vector<std::string>())};
  for (const auto& entry : answer->at("devices")) {
    auto info = model::fromJson<DeviceInfo>(entry);
    if (info && info->id == "cpu") out.cpu = std::move(*info);
  }
  return out;
}

namespace {
/// Whether it is the default, or the default by another compiler than the target's own.
bool isStandard(Configuration configuration, const Configuration& standard, bool byOther) {
  if (byOther && !standard.contains("compiler") && configuration.erase("compiler") == 0) return false;
  return configuration == standard;
}
} // namespace

std::vector<Configuration> chosen(const std::vector<Configuration>& all, const Configuration& standard,
                                  int64_t count) {
  if (count <= 0 || static_cast<size_t>(count) >= all.size()) return all;
  std::set<size_t> positions;
  for (const bool other : {false, true}) // the target's own compiler is not named by its configurations
    for (size_t i = 0; i < all.size() && positions.size() < static_cast<size_t>(count); ++i)
      if (isStandard(all[i], standard, other)) positions.insert(i);
  for (int64_t i = 0; positions.size() < static_cast<size_t>(count); ++i)
    positions.insert(
        static_cast<size_t>(i < count ? i * static_cast<int64_t>(all.size()) / count : i - count));
  std::vector<Configuration> out;
  for (size_t position : positions)
    out.push_back(all[position]);
  return out;
}

Result<void> keepCompilers(Toolchain& toolchain, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return {};
  for (const std::string& name : wanted)
    if (std::ranges::find(toolchain.gpu, name) == toolchain.gpu.end())
      return fail(ErrorKind::NotFound, "there is no compiler '" + name + "' here",
                  "tunectl doctor says which tools are found, and what to do about others");
  std::erase_if(toolchain.gpu,
                [&](const std::string& name) { return std::ranges::find(wanted, name) == wanted.end(); });
  return {};
}

Result<Plan> makePlan(const Manifest& manifest, const std::vector<std::string>& names,
                      const Toolchain& toolchain) {
  const auto& targets = names.empty() ? manifest.targets : names;
  if (targets.empty())
    return fail(ErrorKind::InvalidInput, "manifest '" + manifest.name + "' names no target",
                "say --target sm_90a");
  Plan plan;
  Documents documents(plan);
  for (const std::string& name : targets) {
    auto target = targetOf(name, toolchain);
    if (!target) return fail(target.error());
    for (const Problem& problem : manifest.problems) {
      auto known = documents.get(problem.kernel);
      if (!known) return fail(known.error());
      if (known->kernel->language == "cuda" && name == "cpu") continue;
      if (auto added = addProblem(plan, *known, problem.sizes, *target, manifest.configurations); !added)
        return fail(added.error());
    }
  }
  return plan;
}

} // namespace tuned::prewarm
