#include "tests/bench/replay/replay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <zlib.h>

namespace tuned::bench {
namespace {

std::string inflate(const std::string& path) {
  std::string out;
  std::array<char, 1 << 16> piece;
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw std::runtime_error(path + ": cannot be opened");
  for (int n; (n = gzread(file, piece.data(), piece.size())) > 0;)
    out.append(piece.data(), static_cast<size_t>(n));
  gzclose(file);
  return out;
}

/// Of this thread: others may be busy on its core.
double processorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

} // namespace

Recorded load(const std::string& path) {
  try {
    auto document = nlohmann::ordered_json::parse(inflate(path));
    Recorded out;
    out.name = std::filesystem::path(path).stem().stem().string();
    out.kernel = document.value("kernel", "");
    out.device = document.value("device", "");
    std::vector<std::map<std::string, Space::Index>> places;
    for (const auto& [name, list] : document.at("params").items()) {
      // Some values are no integers: positions stand for all of them.
      KernelParameter parameter{name, {}};
      std::map<std::string, Space::Index> place;
      for (size_t i = 0; i < list.size(); ++i) {
        parameter.values.push_back(static_cast<int64_t>(i));
        place[list[i].dump()] = static_cast<Space::Index>(i);
      }
      out.parameters.push_back(std::move(parameter));
      places.push_back(std::move(place));
    }
    for (const auto& row : document.at("configs"))
      for (size_t i = 0; i < places.size(); ++i)
        out.cells.push_back(places[i].at(row.at(i).dump()));
    out.optimum = std::numeric_limits<double>::infinity();
    for (const auto& time : document.at("time_ms")) {
      out.times.push_back(time.is_null() ? std::nullopt : std::optional<double>(1e-3 * time.get<double>()));
      if (out.times.back()) out.optimum = std::min(out.optimum, *out.times.back());
    }
    return out;
  } catch (const std::exception& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

Recorded million() {
  constexpr size_t parameters = 10, values = 4, points = size_t(1) << 20;
  Recorded out{"million", "million", "none", {}, {}, {}, std::numeric_limits<double>::infinity()};
  for (size_t i = 0; i < parameters; ++i)
    out.parameters.push_back({"P" + std::to_string(i), {0, 1, 2, 3}});
  for (size_t at = 0; at < points; ++at) {
    double seconds = 1e-3;
    for (size_t i = 0; i < parameters; ++i) {
      const size_t own = at / (points >> (2 * (i + 1))) % values,
                   next = at / (points >> (2 * ((i + 1) % parameters + 1))) % values;
      out.cells.push_back(static_cast<Space::Index>(own));
      seconds *= 1 + 0.1 * std::abs(static_cast<double>(own) - static_cast<double>(i % values)) +
                 (own + next == values ? 0.05 : 0);
    }
    out.times.push_back(seconds);
    out.optimum = std::min(out.optimum, seconds);
  }
  return out;
}

std::vector<History> historyOf(const Recorded& recorded, const std::vector<Recorded>& all) {
  std::vector<History> out;
  for (const Recorded& other : all) {
    if (other.kernel != recorded.kernel || other.device == recorded.device) continue;
    History history{other.device, 1, {}};
    const Space space = other.space();
    for (size_t i = 0; i < space.size(); ++i)
      history.points.push_back({space.configuration(i), other.times[i]});
    out.push_back(std::move(history));
  }
  return out;
}

size_t Run::to(double bar) const {
  auto reached = std::ranges::find_if(best, [&](double each) { return each <= bar; });
  return static_cast<size_t>(reached - best.begin()) + (reached == best.end() ? 0 : 1);
}

Run replay(const Recorded& recorded, Space& space, const std::string& name, uint64_t seed,
           const std::vector<History>& history, size_t cap, size_t least) {
  Run run;
  double best = std::numeric_limits<double>::infinity();
  const double began = processorSeconds();
  auto strategy = makeStrategy(name, {space, seed, history});
  if (!strategy) throw std::runtime_error(strategy.error().text());
  while (run.best.size() < cap && (best > 1.01 * recorded.optimum || run.best.size() < least)) {
    const auto proposed = (*strategy)->propose(1);
    if (proposed.empty()) break;
    const auto& time = recorded.times[proposed.front()];
    (*strategy)->observe({proposed.front(), time, false});
    if (time) best = std::min(best, *time);
    run.best.push_back(best);
    if (auto gain = (*strategy)->expectedGain(); run.stopped == 0 && gain && *gain < 0.003)
      run.stopped = run.best.size();
  }
  run.secondsPerProposal =
      (processorSeconds() - began) / static_cast<double>(std::max<size_t>(1, run.best.size()));
  return run;
}

} // namespace tuned::bench
