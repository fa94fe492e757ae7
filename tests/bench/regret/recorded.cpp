#include "tests/bench/regret/recorded.h"

#include "backend/registry.h"
#include "base/clock.h"
#include "daemon/worker/variant.h"
#include "tuner/measure/workbench.h"
#include "tuner/search/space.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tuned::bench {
namespace {

constexpr size_t kFewest = 4; ///< rounds, however long they take

struct Build {
  std::unique_ptr<LoadedKernel> kernel;
  Grid grid = {1, 1, 1};
};

template <typename T> T orDie(Result<T> result) {
  if (!result) die(result.error().text());
  return std::move(*result);
}

Space spaceOf(const Problem& problem, const DeviceInfo& info) {
  const auto& ignored = info.capabilities.ignoredOptions;
  return orDie(
      Space::enumerate(problem.kernel, problem.sizes, {ignored.begin(), ignored.end()}, info.compilers));
}

/// Compiles all configurations; gives those builds that differ.
std::vector<Build> buildsOf(const Problem& problem, Device& device, Recorded& out) {
  std::vector<Build> builds;
  std::map<std::pair<std::string, Grid>, size_t> known;
  const Space space = spaceOf(problem, device.info());
  for (const Configuration& configuration : space.configurations()) {
    auto artefact = compileVariant(problem.kernel, configuration, problem.sizes,
                                   device.info().capabilities.compileTarget);
    if (!artefact) continue;
    const Grid grid = orDie(instantiate(problem.kernel, configuration, problem.sizes)).grid;
    auto [at, isNew] = known.try_emplace({artefact->bytes, grid}, builds.size());
    out.codes[configuration] = at->second;
    if (isNew) builds.push_back({orDie(device.load(*artefact)), grid});
  }
  if (builds.empty()) die("no configuration of " + problem.kernel.name + " compiles");
  return builds;
}

} // namespace

Recorded record(const Problem& problem, double seconds) {
  auto device = orDie(openDevice("cpu"));
  Recorded out;
  const std::vector<Build> builds = buildsOf(problem, *device, out);
  out.seconds.resize(builds.size());
  auto bench = orDie(Workbench::open(*device, problem.kernel, problem.sizes, 1));
  const double end = steadySeconds() + seconds;
  for (size_t round = 0; round < kFewest || steadySeconds() < end; ++round)
    for (size_t turn = 0; turn < builds.size(); ++turn) {
      const size_t code = (turn + round) % builds.size(); // none always runs behind the same neighbour
      const auto time =
          orDie(device->time(*builds[code].kernel, builds[code].grid, bench->arguments(), {1, true}));
      if (round > 0) out.seconds[code].push_back(time.front()); // the first round warms up
    }
  return out;
}

void keep(const Recorded& recorded, const std::string& path) {
  std::ofstream file(path);
  for (const auto& [configuration, code] : recorded.codes)
    file << "configuration " << code << " " << nlohmann::json(configuration).dump() << "\n";
  for (size_t code = 0; code < recorded.seconds.size(); ++code) {
    file << "code " << code;
    for (double each : recorded.seconds[code])
      file << " " << each;
    file << "\n";
  }
  if (!file.flush()) die("cannot write " + path);
}

Recorded recall(const std::string& path) {
  std::ifstream file(path);
  if (!file) die("cannot read " + path);
  Recorded out;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string what;
    size_t code = 0;
    words >> what >> code;
    if (what == "configuration" && words) {
      out.codes[nlohmann::json::parse(words).get<Configuration>()] = code;
    } else if (what == "code" && words) {
      out.seconds.resize(std::max(out.seconds.size(), code + 1));
      for (double each = 0; words >> each;)
        out.seconds[code].push_back(each);
    } else {
      die(path + ": '" + line.substr(0, 60) + "' is no line of a recording");
    }
  }
  for (const auto& [configuration, code] : out.codes)
    if (code >= out.seconds.size() || out.seconds[code].empty())
      die(path + " has no times of " + toString(configuration));
  return out;
}

} // namespace tuned::bench
