// Whether the cache stays as fast as it was when it holds a thousand times as much: median and 99th
// percentile of a hit (a winner with its binary) and of a miss (no winner; the nearest sizes) at 10^3 and at
// 10^6 measurements, in turns, so that what else the machine does meets both; by the clock and by the
// processor's time, which leaves out when other programs ran. The same few problems are asked for at either
// size: what is asked often stands in the page cache, as it does in life. "anywhere": hits all over the
// cache.
//
//   build/bin/bench_store [--most N]      prints one line of JSON a size, then the ratios
#include "base/clock.h"
#include "base/sha256.h"
#include "daemon/store/store.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

using namespace tuned;
using namespace tuned::store;

namespace {

constexpr int64_t perProblem = 100; // measurements of one problem
constexpr int turns = 80, inTurn = 100;

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
  std::vector<double> wall, processor; ///< microseconds
};

double processorMicros() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

template <typename Work> void add(Times& times, const Work& work) {
  for (int i = 0; i < inTurn; ++i) {
    const double processor = processorMicros();
    const auto start = std::chrono::steady_clock::now();
    work(i);
    times.wall.push_back(secondsSince(start) * 1e6);
    times.processor.push_back(processorMicros() - processor);
  }
}

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

class Cache {
public:
  explicit Cache(int64_t measurements)
      : problems_(measurements / perProblem), asked_(std::min<int64_t>(problems_, 10)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "tuned-bench-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const auto start = std::chrono::steady_clock::now();
    auto opened = Store::open(folder_);
    if (!check(opened) || !fill(**opened, measurements)) return;
    store_ = std::move(*opened);
    said_ = {{"measurements", measurements},
             {"fill_seconds", secondsSince(start)},
             {"megabytes", static_cast<double>(store_->counts()->bytes) / 1e6}};
  }
  ~Cache() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Cache(const Cache&) = delete;

  /// Whether it is there and no answer was wrong.
  bool sound() const { return store_ && sound_; }

  void take(bool keep) {
    Times hits, misses;
    add(keep ? hits_ : hits, [&](int) { hit(random_() % asked_ * (problems_ / asked_)); });
    add(keep ? misses_ : misses, [&](int i) { miss(i); });
  }
  void takeAnywhere() {
    add(anywhere_, [&](int) { hit(random_() % problems_); });
  }

  /// Microseconds by name.
  std::map<std::string, double> times() const {
    std::map<std::string, double> out;
    for (const auto& [name, of] : {std::pair("hit", &hits_), {"miss", &misses_}, {"anywhere", &anywhere_}})
      for (const auto& [which, share] : {std::pair("_median_us", 0.5), {"_p99_us", 0.99}}) {
        out[name + std::string(which)] = quantile(of->wall, share);
        out[name + std::string("_processor") + which] = quantile(of->processor, share);
      }
    return out;
  }

  void print() const {
    nlohmann::json out = said_;
    out.update(nlohmann::json(times()));
    std::cout << out.dump() << "\n";
  }

private:
  void hit(uint64_t index) {
    auto winner = store_->choose({"kernel", sizesOf(static_cast<int64_t>(index)), "target"}, {});
    sound_ = sound_ && winner && store_->artefact(winner->build.build.artefact);
  }
  void miss(int i) {
    const ProblemKey asked{"kernel", R"({"n":)" + std::to_string(1001 + 7 * (i % 10)) + "}", "target"};
    sound_ = sound_ && !store_->choose(asked, {}) && !store_->lastSearch(asked) &&
             store_->near(asked)->size() == 8;
  }

  int64_t problems_, asked_;
  std::string folder_;
  std::unique_ptr<Store> store_;
  nlohmann::json said_;
  std::mt19937_64 random_{1};
  bool sound_ = true;
  Times hits_, misses_, anywhere_;
};

} // namespace

int main(int argc, char** argv) {
  CLI::App app("hit and miss of the cache at 10^3 and at --most measurements");
  int64_t most = 1'000'000;
  app.add_option("--most", most, "measurements of the larger cache")->check(CLI::Range(1000, 100'000'000));
  CLI11_PARSE(app, argc, argv);
  Cache small(1000), large(most);
  for (int turn = -1; turn < turns && small.sound() && large.sound(); ++turn)
    for (Cache* cache : {&small, &large})
      cache->take(turn >= 0); // the first turn warms
  for (int turn = 0; turn < turns && small.sound() && large.sound(); ++turn)
    for (Cache* cache : {&small, &large})
      cache->takeAnywhere();
  if (!small.sound() || !large.sound()) {
    std::cerr << "a cache could not be filled, or an answer was wrong\n";
    return 1;
  }
  small.print();
  large.print();
  nlohmann::json ratios;
  const auto before = small.times();
  for (const auto& [name, micros] : large.times())
    ratios[name.substr(0, name.size() - 3) + "_ratio"] = micros / before.at(name);
  std::cout << ratios.dump() << "\n";
  return 0;
}
