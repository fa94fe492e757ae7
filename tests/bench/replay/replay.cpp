// How many evaluations each strategy needs on recorded search spaces: to within 5 % and 1 % of the optimum,
// and how near it is after 25, 50, 100 and 220, with and without what other cards tell.
#include "tests/bench/replay/replay.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <sys/resource.h>
#include <thread>

using namespace tuned;
using namespace tuned::bench;

namespace {

constexpr std::array<size_t, 4> kMarks = {25, 50, 100, 220};

struct Options {
  std::string folder, csv, svg, strategies = "random,local,evolutionary,surrogate,portfolio", only;
  std::vector<std::string> peers;
  int seeds = 100;
  size_t cap = 700;
  unsigned jobs = 1;
  bool history = false, large = false;
};

/// All runs of one strategy on one space.
struct Row {
  const Recorded* recorded;
  std::string strategy;
  bool history;
  std::vector<Run> runs;

  std::vector<double> to(double share) const {
    std::vector<double> out;
    for (const Run& run : runs)
      out.push_back(static_cast<double>(run.to(recorded->optimum * share)));
    return out;
  }
  double shareAt(size_t evaluations) const {
    double sum = 0;
    for (const Run& run : runs)
      sum += run.best.empty() ? 0 : recorded->optimum / run.best[std::min(evaluations, run.best.size()) - 1];
    return sum / static_cast<double>(runs.size());
  }
};

double meanOf(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

double medianOf(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');)
    out.push_back(part);
  return out;
}

void fill(Row& row, const std::vector<Recorded>& all, const Options& options) {
  const auto history = row.history ? historyOf(*row.recorded, all) : std::vector<History>();
  std::atomic<size_t> next = 0;
  row.runs.resize(static_cast<size_t>(options.seeds));
  std::vector<std::jthread> threads;
  for (unsigned job = 0; job < options.jobs; ++job)
    threads.emplace_back([&] {
      Space space = row.recorded->space();
      for (size_t seed; (seed = next++) < row.runs.size();)
        row.runs[seed] =
            replay(*row.recorded, space, row.strategy, seed, history, options.cap, kMarks.back());
    });
}

std::string csvOf(const Row& row) {
  std::array<char, 512> text;
  double cost = 0;
  for (const Run& run : row.runs)
    cost += 1e3 * run.secondsPerProposal / static_cast<double>(row.runs.size());
  const auto five = row.to(1.05), one = row.to(1.01);
  std::snprintf(text.data(), text.size(), "%s,%s,%d,%zu,%.1f,%.1f,%.1f,%.1f,%.4f,%.4f,%.4f,%.4f,%.3f\n",
                row.recorded->name.c_str(), row.strategy.c_str(), row.history, row.runs.size(),
                medianOf(five), meanOf(five), medianOf(one), meanOf(one), row.shareAt(kMarks[0]),
                row.shareAt(kMarks[1]), row.shareAt(kMarks[2]), row.shareAt(kMarks[3]), cost);
  return text.data();
}

/// One line over all spaces: geometric means of evaluations, means of shares.
void summarize(const std::vector<Row>& rows) {
  double five = 0, one = 0, fiveMean = 0, oneMean = 0, stopped = 0, regret = 0, cost = 0, most = 0;
  std::array<double, 4> shares{};
  const auto n = static_cast<double>(rows.size());
  double stops = 0;
  for (const Row& row : rows) {
    most = std::max(most, medianOf(row.to(1.05)));
    five += std::log(medianOf(row.to(1.05))) / n;
    one += std::log(medianOf(row.to(1.01))) / n;
    fiveMean += std::log(meanOf(row.to(1.05))) / n;
    oneMean += std::log(meanOf(row.to(1.01))) / n;
    for (size_t i = 0; i < shares.size(); ++i)
      shares[i] += row.shareAt(kMarks[i]) / n;
    for (const Run& run : row.runs) {
      cost += 1e3 * run.secondsPerProposal / static_cast<double>(row.runs.size()) / n;
      if (run.stopped == 0) continue;
      ++stops;
      stopped += static_cast<double>(run.stopped);
      regret += run.best[run.stopped - 1] / row.recorded->optimum - 1;
    }
  }
  std::printf("%-14s %-7s median %5.1f /%6.1f  mean %5.1f /%6.1f  worst median %5.1f  shares %.3f %.3f %.3f "
              "%.3f  %.2f ms",
              rows.front().strategy.c_str(), rows.front().history ? "history" : "", std::exp(five),
              std::exp(one), std::exp(fiveMean), std::exp(oneMean), most, shares[0], shares[1], shares[2],
              shares[3], cost);
  if (stops > 0) std::printf("  stops at %.0f, %.1f %% behind", stopped / stops, 100 * regret / stops);
  std::printf("\n");
  std::fflush(stdout);
}

Curve curveOf(const std::vector<Row>& rows, size_t cap) {
  Curve curve{rows.front().strategy + (rows.front().history ? ", history" : ""), {}};
  for (double at = 1; at <= static_cast<double>(cap); at = std::max(at + 1, std::floor(at * 1.1))) {
    double share = 0;
    for (const Row& row : rows)
      share += row.shareAt(static_cast<size_t>(at)) / static_cast<double>(rows.size());
    curve.points.emplace_back(at, share);
  }
  return curve;
}

/// Curves of another program's strategies, from a table in our columns: their four marks.
std::vector<Curve> peerCurves(const std::string& path) {
  std::map<std::string, std::vector<std::array<double, 4>>> shares;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const auto cells = split(line);
    if (cells.size() < 12) continue;
    std::array<double, 4> row{};
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = std::stod(cells[8 + i]);
    shares[cells[1]].push_back(row);
  }
  std::vector<Curve> out;
  for (const auto& [name, rows] : shares) {
    Curve curve{name, {}};
    for (size_t i = 0; i < kMarks.size(); ++i) {
      double sum = 0;
      for (const auto& row : rows)
        sum += row[i] / static_cast<double>(rows.size());
      curve.points.emplace_back(static_cast<double>(kMarks[i]), sum);
    }
    out.push_back(std::move(curve));
  }
  return out;
}

std::vector<Recorded> loadAll(const Options& options) {
  std::vector<Recorded> out;
  for (const auto& entry : std::filesystem::directory_iterator(options.folder))
    if (const std::string path = entry.path().string(); path.ends_with(".json.gz") || path.ends_with(".json"))
      out.push_back(load(path));
  std::ranges::sort(out, {}, &Recorded::name);
  return out;
}

/// What proposals cost in time and memory on a space of a million points.
int large(const Options& options) {
  const Recorded recorded = million();
  for (const std::string& strategy : split(options.strategies)) {
    Space space = recorded.space();
    const Run run = replay(recorded, space, strategy, 1, {}, kMarks.back(), kMarks.back());
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    std::printf(
        "%-14s %zu points, %zu proposals: %.3f ms each, %.3f of the optimum, at most %ld MB resident with "
        "the recording's own "
        "%zu\n",
        strategy.c_str(), space.size(), run.best.size(), 1e3 * run.secondsPerProposal,
        recorded.optimum / run.best.back(), used.ru_maxrss / 1024,
        (recorded.cells.size() * sizeof(Space::Index) + recorded.times.size() * sizeof(recorded.times[0])) >>
            20);
  }
  return 0;
}

int run(const Options& options) {
  if (options.folder.empty()) throw std::runtime_error("--spaces is missing");
  const auto all = loadAll(options);
  if (all.empty()) throw std::runtime_error("no *.json.gz or *.json in " + options.folder);
  std::string csv =
      "space,strategy,history,seeds,median_5,mean_5,median_1,mean_1,share_25,share_50,share_100,"
      "share_220,ms_per_proposal\n";
  std::vector<Curve> curves;
  std::printf(
      "evaluations to within 5 %% / 1 %% of the optimum, geometric means over spaces; shares after 25, 50, "
      "100, 220\n");
  for (bool history : {false, true}) {
    if (history && !options.history) continue;
    for (const std::string& strategy : split(options.strategies)) {
      std::vector<Row> rows;
      for (const Recorded& recorded : all) {
        if (!options.only.empty() && recorded.name.find(options.only) == std::string::npos) continue;
        if (history && historyOf(recorded, all).empty()) continue;
        rows.push_back({&recorded, strategy, history, {}});
        fill(rows.back(), all, options);
        csv += csvOf(rows.back());
      }
      if (rows.empty()) continue;
      summarize(rows);
      curves.push_back(curveOf(rows, kMarks.back()));
    }
  }
  for (const std::string& peer : options.peers)
    for (Curve& curve : peerCurves(peer))
      curves.push_back(std::move(curve));
  if (!options.csv.empty()) std::ofstream(options.csv) << csv;
  if (!options.svg.empty())
    std::ofstream(options.svg) << plot("Share of the optimum, mean of " + std::to_string(all.size()) +
                                           " recorded spaces, " + std::to_string(options.seeds) + " seeds",
                                       curves);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"strategies on recorded search spaces"};
  Options options;
  app.add_option("--spaces", options.folder, "folder of recorded spaces (*.json.gz, *.json)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--seeds", options.seeds, "runs of each strategy on each space")->check(CLI::PositiveNumber);
  app.add_option("--strategies", options.strategies, "names, with commas between");
  app.add_option("--only", options.only, "just the spaces with this in their name");
  app.add_option("--cap", options.cap,
                 "evaluations at most; who has not come near enough counts as that many");
  app.add_option("--jobs", options.jobs, "threads")->check(CLI::PositiveNumber);
  app.add_flag("--large", options.large,
               "instead: time and memory of proposals on a made-up space of a million points");
  app.add_flag("--history", options.history, "also with what other cards tell, where there are any");
  app.add_option("--csv", options.csv, "writes a row for each strategy and space");
  app.add_option("--svg", options.svg, "plots the share of the optimum against evaluations");
  app.add_option("--peer", options.peers, "tables of other programs to plot beside (peer_kernel_tuner.py)");
  CLI11_PARSE(app, argc, argv);
  try {
    return options.large ? large(options) : run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
