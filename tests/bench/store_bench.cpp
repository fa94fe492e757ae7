// Whether the cache stays as fast as it was when it holds a thousand times as much: median and 99th
// percentile of a hit (a winner with its binary) and of a miss (no winner; the nearest sizes) at 10^3 and at
// 10^6 measurements.
//
//   build/bin/bench_store [--most N]      prints one line of JSON a size, then the ratios
#include "base/clock.h"
#include "base/sha256.h"
#include "daemon/store/store.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

using namespace tuned;
using namespace tuned::store;

namespace {

constexpr int64_t perProblem = 100; // measurements of one problem
constexpr int rounds = 4000;

std::string sizesOf(int64_t index) {
  return R"({"n":)" + std::to_string(1000 + 7 * index) + "}";
}

bool check(const auto& result) {
  if (!result) std::cerr << result.error().text() << "\n";
  return result.has_value();
}

bool fill(Store& store, int64_t measurements) {
  if (!check(store.putTarget({"target", "hardware", "cuda:0", "{}", ""}))) return false;
  const int64_t problems = measurements / perProblem;
  constexpr int64_t slice = 50;
  for (int64_t first = 0; first < problems; first += slice) {
    auto done = store.batch([&]() -> Result<void> {
      for (int64_t problem = first; problem < std::min(problems, first + slice); ++problem)
        for (int64_t i = 0; i < perProblem; ++i) {
          Build build;
          const bool kept = i == 0; // of each problem one binary
          const std::string binary = kept ? std::string(4000, 'b') + std::to_string(problem) : "";
          build.artefact = kept ? sha256(binary) : "";
          build.format = "cubin";
          build.target = "sm_90a";
          build.launch.symbol = "kernel";
          auto id = store.putBuild(
              {"kernel", sizesOf(problem), R"({"B":)" + std::to_string(i) + "}", "tools", "", ""}, build,
              binary);
          if (!id) return fail(id.error());
          MeasurementRecord record;
          record.build.id = *id;
          record.target = "target";
          record.finalist = i < 4;
          record.measurement.outcome = "timed";
          record.measurement.seconds = 1e-3 * static_cast<double>(1 + i);
          record.measurement.interval = Interval{1e-3, 2e-3};
          record.measurement.verdict = {"cpu", 100, 100, 0.1, true, Tolerance{1e-4, 1e-4}, "passed", ""};
          if (auto added = store.addMeasurement(record); !added) return fail(added.error());
        }
      return {};
    });
    if (!check(done)) return false;
  }
  return check(store.checkpoint());
}

struct Times {
  double median = 0, p99 = 0; ///< microseconds
};

template <typename Work> Times timesOf(Work&& work) {
  std::vector<double> micros;
  for (int i = 0; i < rounds; ++i) {
    auto start = std::chrono::steady_clock::now();
    work(i);
    micros.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(micros);
  return {micros[micros.size() / 2], micros[micros.size() * 99 / 100]};
}

struct Row {
  Times hit, miss;
};

std::optional<Row> measure(int64_t measurements) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tuned-bench-XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  auto start = std::chrono::steady_clock::now();
  auto store = Store::open(folder);
  std::optional<Row> row;
  if (check(store) && fill(**store, measurements)) {
    const double seconds = secondsSince(start);
    std::mt19937_64 random(1);
    const int64_t problems = measurements / perProblem;
    // The same few problems at every size: what is asked often stands in the page cache, as it does in life.
    std::uniform_int_distribution<int64_t> any(0, std::min<int64_t>(problems, 10) - 1);
    bool sound = true;
    auto hit = [&](int) {
      auto winner = (*store)->choose(
          {"kernel", sizesOf(any(random) * (problems / std::min<int64_t>(problems, 10))), "target"}, {});
      sound = sound && winner && (*store)->artefact(winner->build.build.artefact);
    };
    auto miss = [&](int i) {
      const ProblemKey asked{"kernel", R"({"n":)" + std::to_string(1001 + 7 * (i % 10)) + "}", "target"};
      sound = sound && !(*store)->choose(asked, {}) && !(*store)->lastSearch(asked) &&
              !(*store)->near(asked)->empty();
    };
    timesOf(hit), timesOf(miss); // warm
    row = Row{timesOf(hit), timesOf(miss)};
    std::cout << nlohmann::json{{"measurements", measurements},
                                {"hit_median_us", row->hit.median},
                                {"hit_p99_us", row->hit.p99},
                                {"miss_median_us", row->miss.median},
                                {"miss_p99_us", row->miss.p99},
                                {"megabytes", (*store)->counts()->bytes / 1e6},
                                {"fill_seconds", seconds}}
                     .dump()
              << "\n";
    if (!sound) std::cerr << "an answer was wrong\n", row.reset();
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return row;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("hit and miss of the cache at 10^3 and at --most measurements");
  int64_t most = 1'000'000;
  app.add_option("--most", most, "measurements of the larger cache")->check(CLI::Range(1000, 100'000'000));
  CLI11_PARSE(app, argc, argv);
  const auto small = measure(1000), large = measure(most);
  if (!small || !large) return 1;
  std::cout << nlohmann::json{{"hit_p99_ratio", large->hit.p99 / small->hit.p99},
                              {"miss_p99_ratio", large->miss.p99 / small->miss.p99}}
                   .dump()
            << "\n";
  return 0;
}
