#include "daemon/service/jobs/history.h"

#include "tuner/search/distance.h"

#include <algorithm>
#include <map>
#include <spdlog/spdlog.h>

namespace tuned {
namespace {

constexpr size_t kHistories = 8, kPoints = 4096;
constexpr size_t kMeasurements = 65536; ///< looked at

} // namespace

std::vector<History> historyFor(store::Store& store, const store::ProblemKey& problem, const Sizes& sizes) {
  std::map<std::pair<std::string, std::string>, History> all; // by target and sizes
  size_t seen = 0;
  auto visit = [&](const store::MeasurementRecord& record) -> Result<void> {
    if (++seen > kMeasurements) return fail(ErrorKind::OutOfResources, "enough");
    const bool here = record.target == problem.target && record.measurement.sizes == sizes;
    if (here || record.history || !record.build.key.origin.empty()) return {};
    History& history = all[{record.target, record.build.key.sizes}];
    if (history.about.empty()) {
      history.about = toString(record.measurement.sizes) + " on " + record.measurement.device;
      history.distance = distanceBetween(sizes, record.measurement.sizes, record.target != problem.target);
    }
    if (history.points.size() < kPoints)
      history.points.push_back({record.measurement.configuration, record.measurement.outcome == "timed"
                                                                      ? record.measurement.seconds
                                                                      : std::nullopt});
    return {};
  };
  if (auto done = store.eachMeasurement({problem.kernel, "", ""}, visit); !done && seen <= kMeasurements)
    spdlog::warn("history of {}: {}", problem.kernel, done.error().text());
  std::vector<History> out;
  for (auto& [key, history] : all)
    out.push_back(std::move(history));
  std::ranges::stable_sort(out, {}, &History::distance);
  if (out.size() > kHistories) out.resize(kHistories);
  return out;
}

} // namespace tuned
