#include "daemon/service/jobs/first_guess.h"

#include "base/model/json.h"
#include "base/model/multiprocessor.h"
#include "tuner/search/model/analytic.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <thread>

namespace tuned {

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kPoints = 8192; ///< of the space that are guessed
constexpr size_t kCounted = 512; ///< programs that are counted
constexpr size_t kBatch = 8;     ///< of these, in one call
constexpr auto kTime = std::chrono::seconds(1);
constexpr double kCallSeconds = 2;
/// As far from here as a factor of e² in a size: it weighs little until it has proven itself.
constexpr double kDistance = 1;

/// Launch options leave the program as it is.
Configuration programOf(Configuration configuration) {
  for (const char* option : kLaunchOptions)
    configuration.erase(option);
  return configuration;
}

/// Counts the work of one representative of each program.
class Counting {
public:
  Counting(WorkerPool& compilers, const Problem& problem, const std::stop_token& stop,
           std::vector<Configuration> configurations)
      : compilers_(compilers), problem_(problem), stop_(stop), configurations_(std::move(configurations)),
        works_(configurations_.size()) {
    const size_t batches = (configurations_.size() + kBatch - 1) / kBatch;
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min<size_t>(batches, static_cast<size_t>(std::max(1, compilers.slots())));
         ++i)
      threads.emplace_back([this] { run(); });
  }
  const std::vector<std::optional<ProgramWork>>& works() const { return works_; }

private:
  void run() {
    for (;;) {
      const size_t first = next_.fetch_add(kBatch);
      if (first >= configurations_.size() || Clock::now() - start_ > kTime || stop_.stop_requested()) return;
      const size_t last = std::min(first + kBatch, configurations_.size());
      nlohmann::json request = {{"op", "work"},
                                {"kernel", problem_.document},
                                {"sizes", problem_.sizes},
                                {"seconds", kCallSeconds}};
      request["configurations"] =
          std::vector<Configuration>(configurations_.begin() + static_cast<long>(first),
                                     configurations_.begin() + static_cast<long>(last));
      auto answer = compilers_.call(problem_.id + " work", request, kCallSeconds, stop_, problem_.owner);
      if (!answer) {
        spdlog::info("work of {} is not counted: {}", problem_.kernel, answer.error().text());
        return;
      }
      if (!answer->is_array()) return; // of what comes from a worker nothing is certain
      for (size_t i = first; i < last && i - first < answer->size(); ++i)
        if (auto work = model::fromJson<ProgramWork>(answer->at(i - first))) works_[i] = std::move(*work);
    }
  }

  WorkerPool& compilers_;
  const Problem& problem_;
  const std::stop_token& stop_;
  const std::vector<Configuration> configurations_;
  std::vector<std::optional<ProgramWork>> works_; ///< each written by one thread
  std::atomic<size_t> next_ = 0;
  const Clock::time_point start_ = Clock::now();
};

} // namespace

std::optional<History> firstGuess(WorkerPool& compilers, const Problem& problem, const Kernel& kernel,
                                  const Space& space, const DeviceInfo& device, const std::stop_token& stop) {
  auto unique = totalBytes(kernel, problem.sizes);
  if (kernel.language != "ttir" || !multiprocessorOf(device.architecture) || !unique) return std::nullopt;
  std::map<Configuration, size_t> programs;
  std::vector<Configuration> representatives;
  std::vector<std::pair<Configuration, size_t>> points; // and the program of each
  const size_t step = std::max<size_t>(1, (space.size() + kPoints - 1) / kPoints);
  for (size_t position = 0; position < space.size(); position += step) {
    Configuration configuration = space.configuration(position);
    auto [program, fresh] = programs.try_emplace(programOf(configuration), representatives.size());
    if (fresh && representatives.size() == kCounted) {
      programs.erase(program);
      continue;
    }
    if (fresh) representatives.push_back(configuration);
    points.emplace_back(std::move(configuration), program->second);
  }
  const Counting counting(compilers, problem, stop, std::move(representatives));
  History guess{"first guess", kDistance, {}};
  for (auto& [configuration, program] : points) {
    const auto& work = counting.works()[program];
    if (!work) continue;
    auto seconds = analyticSeconds(*work, configuration, static_cast<double>(*unique), device);
    guess.points.push_back({std::move(configuration), seconds});
  }
  if (guess.points.empty()) return std::nullopt;
  return guess;
}

} // namespace tuned
