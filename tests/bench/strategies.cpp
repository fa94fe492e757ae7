// How near to the optimum each strategy comes after 25, 50, 100 and 220 evaluations of recorded search
// spaces: gzipped JSON with params {name: values}, configs (rows in the order of params) and time_ms (null:
// does not run).
#include "tuner/search/strategy.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <zlib.h>

using namespace tuned;

namespace {

constexpr std::array<size_t, 4> kEvaluations = {25, 50, 100, 220};
// Random search on 19 spaces, these and others, mean of 50 seeds, as published with the recordings.
constexpr std::array<double, 4> kPublishedRandom = {0.753, 0.807, 0.856, 0.901};

struct Recorded {
  std::string name;
  Space space;
  std::vector<std::optional<double>> times; ///< in the space's order
  double optimum = 0;
};

std::string inflate(const std::string& path) {
  std::string out;
  std::array<char, 1 << 16> piece;
  gzFile file = gzopen(path.c_str(), "rb");
  for (int n; file && (n = gzread(file, piece.data(), piece.size())) > 0;)
    out.append(piece.data(), n);
  if (file) gzclose(file);
  return out;
}

Recorded load(const std::string& path) {
  auto document = nlohmann::ordered_json::parse(inflate(path));
  std::vector<KernelParameter> parameters;
  std::vector<const nlohmann::ordered_json*> values;
  for (const auto& [name, list] : document.at("params").items()) {
    KernelParameter parameter{name, {}};
    // Some values are no integers: positions stand for all of them.
    for (size_t i = 0; i < list.size(); ++i)
      parameter.values.push_back(static_cast<int64_t>(i));
    parameters.push_back(std::move(parameter));
    values.push_back(&list);
  }
  Recorded out{std::filesystem::path(path).filename().string(), Space::of({}, {}), {}, 0};
  std::vector<Configuration> configurations;
  for (const auto& row : document.at("configs")) {
    Configuration configuration;
    for (size_t i = 0; i < parameters.size(); ++i)
      configuration[parameters[i].name] =
          std::find(values[i]->begin(), values[i]->end(), row[i]) - values[i]->begin();
    configurations.push_back(std::move(configuration));
  }
  out.space = Space::of(std::move(parameters), std::move(configurations));
  for (const auto& time : document.at("time_ms")) {
    out.times.push_back(time.is_null() ? std::nullopt : std::optional<double>(time.get<double>()));
    if (out.times.back() && (out.optimum == 0 || *out.times.back() < out.optimum))
      out.optimum = *out.times.back();
  }
  return out;
}

/// The share of the optimum reached after each of kEvaluations.
std::array<double, 4> replay(const Recorded& recorded, const std::string& name, uint64_t seed) {
  auto strategy = makeStrategy(name, recorded.space, seed);
  std::array<double, 4> reached{};
  double best = 0;
  for (size_t tried = 0, mark = 0; mark < kEvaluations.size();) {
    auto batch = (*strategy)->propose(1);
    if (batch.empty()) {
      while (mark < kEvaluations.size())
        reached[mark++] = best > 0 ? recorded.optimum / best : 0;
      break;
    }
    Trial trial;
    trial.configuration = batch.front();
    auto time = recorded.times[recorded.space.find(batch.front())];
    if (time)
      trial.outcome = Timed{*time * 1e-3, *time * 1e-3, *time * 1e-3, 1, false, {}};
    else
      trial.outcome = Faulted{"does not run"};
    if (time && (best == 0 || *time < best)) best = *time;
    (*strategy)->observe(trial);
    if (++tried == kEvaluations[mark]) reached[mark++] = best > 0 ? recorded.optimum / best : 0;
  }
  return reached;
}

void row(const std::string& name, const std::array<double, 4>& values) {
  std::printf("%-36s", name.c_str());
  for (double value : values)
    std::printf("  %.3f", value);
  std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"strategies on recorded search spaces"};
  std::string folder;
  int seeds = 50;
  bool each = false;
  app.add_option("--spaces", folder, "folder of recorded spaces (*.json.gz)")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--seeds", seeds, "runs of each strategy on each space")->check(CLI::PositiveNumber);
  app.add_flag("--each", each, "a line for each space as well");
  CLI11_PARSE(app, argc, argv);

  std::vector<Recorded> spaces;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().string().ends_with(".json.gz")) spaces.push_back(load(entry.path().string()));
  if (spaces.empty()) {
    std::fprintf(stderr, "no *.json.gz in %s\n", folder.c_str());
    return 1;
  }
  std::ranges::sort(spaces, {}, &Recorded::name);
  std::printf("share of the optimum, mean of %zu spaces and %d seeds\n%-36s", spaces.size(), seeds,
              "evaluations");
  for (size_t count : kEvaluations)
    std::printf("  %5zu", count);
  std::printf("\n");
  for (const std::string& name : strategyNames()) {
    std::array<double, 4> total{};
    for (const Recorded& recorded : spaces) {
      std::array<double, 4> mean{};
      for (int seed = 0; seed < seeds; ++seed) {
        auto reached = replay(recorded, name, static_cast<uint64_t>(seed));
        for (size_t i = 0; i < mean.size(); ++i)
          mean[i] += reached[i] / seeds;
      }
      if (each) row("  " + recorded.name, mean);
      for (size_t i = 0; i < mean.size(); ++i)
        total[i] += mean[i] / static_cast<double>(spaces.size());
    }
    row(name, total);
  }
  row("random, published (19 spaces)", kPublishedRandom);
}
