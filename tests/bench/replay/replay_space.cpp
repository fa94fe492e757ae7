#include "tests/bench/replay/replay.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
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

/// A value as it is compared: 16 and 16.0 are one, and so are true and 1, as in the programs that recorded
/// them.
std::string textOf(const nlohmann::ordered_json& value) {
  if (value.is_string()) return "\"" + value.get<std::string>() + "\"";
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  if (!value.is_number()) return value.dump();
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "%.17g", value.get<double>());
  return text.data();
}

/// Where a value stands in the recording's list of a parameter; it is added where it was not listed.
Space::Index placeOf(Recorded& recorded, size_t parameter, const std::string& value) {
  auto& values = recorded.values[parameter];
  auto found = std::ranges::find(values, value);
  const auto at = found - values.begin();
  if (at > std::numeric_limits<Space::Index>::max())
    throw std::runtime_error("a parameter of too many values");
  if (found == values.end()) {
    values.push_back(value);
    recorded.parameters[parameter].values.push_back(static_cast<int64_t>(at));
  }
  return static_cast<Space::Index>(at);
}

/// Parameters whose values are all whole numbers get these instead of positions: that is what a tuning knows.
void giveNumbers(Recorded& recorded) {
  for (size_t i = 0; i < recorded.values.size(); ++i) {
    std::vector<int64_t> numbers;
    for (const std::string& text : recorded.values[i]) {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc() && end == text.data() + text.size()) numbers.push_back(number);
    }
    if (numbers.size() == recorded.values[i].size()) recorded.parameters[i].values = std::move(numbers);
  }
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
    out.name = std::filesystem::path(path).filename().string();
    out.name = out.name.substr(0, out.name.find(".json"));
    out.kernel = document.value("kernel", "");
    out.device = document.value("device", "");
    for (const auto& [name, list] : document.at("params").items()) {
      out.parameters.push_back({name, {}});
      out.values.emplace_back();
      for (const auto& value : list)
        (void)placeOf(out, out.values.size() - 1, textOf(value));
    }
    const auto& times = document.at("time_ms");
    out.optimum = std::numeric_limits<double>::infinity();
    std::set<std::vector<Space::Index>> seen;
    for (size_t at = 0; const auto& row : document.at("configs")) {
      std::vector<Space::Index> cells;
      for (size_t i = 0; i < out.values.size(); ++i)
        cells.push_back(placeOf(out, i, textOf(row.at(i))));
      const auto& time = times.at(at++);
      if (!seen.insert(cells).second) continue; // of equal rows the first
      out.cells.insert(out.cells.end(), cells.begin(), cells.end());
      const double seconds = time.is_number() ? 1e-3 * time.get<double>() : 0;
      const bool runs = std::isfinite(seconds) && seconds > 0;
      out.times.push_back(runs ? std::optional(seconds) : std::nullopt);
      if (runs) out.optimum = std::min(out.optimum, seconds);
    }
    giveNumbers(out);
    if (!std::isfinite(out.optimum)) throw std::runtime_error("no configuration of it runs");
    return out;
  } catch (const std::exception& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

Recorded million() {
  constexpr size_t parameters = 10, values = 4, points = size_t(1) << 20;
  Recorded out{"million", "million", "none", {}, {}, {}, {}, std::numeric_limits<double>::infinity()};
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
    // Lists may differ: the other's positions as values here. What is not here is no point of this space.
    std::vector<std::pair<std::string, std::vector<std::optional<int64_t>>>> here; // by the other's parameter
    for (size_t i = 0; i < other.parameters.size(); ++i) {
      here.emplace_back(other.parameters[i].name,
                        std::vector<std::optional<int64_t>>(other.values[i].size()));
      for (size_t j = 0; j < recorded.parameters.size(); ++j)
        if (recorded.parameters[j].name == other.parameters[i].name)
          for (size_t at = 0; at < other.values[i].size(); ++at)
            if (auto found = std::ranges::find(recorded.values[j], other.values[i][at]);
                found != recorded.values[j].end())
              here.back().second[at] =
                  recorded.parameters[j].values[static_cast<size_t>(found - recorded.values[j].begin())];
    }
    History history{other.device, 1, {}};
    for (size_t row = 0; row < other.times.size(); ++row) {
      Configuration configuration;
      for (size_t i = 0; i < here.size(); ++i)
        if (const auto value = here[i].second[other.cells[row * here.size() + i]])
          configuration[here[i].first] = *value;
      if (configuration.size() < here.size()) continue;
      history.points.push_back({std::move(configuration), other.times[row]});
    }
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
