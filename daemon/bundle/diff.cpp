#include "daemon/bundle/diff.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tuned::bundle {
namespace {

constexpr double noise = 0.02;

/// Kernel's name, sizes, configuration, target.
using Place = std::array<std::string, 4>;

struct Contents {
  std::map<Place, Build> builds;
  std::map<Place, double> best;               ///< configuration empty, target: hardware
  std::map<std::string, std::string> devices; ///< hardware: by name
};

/// "NVIDIA H100 80GB HBM3"; the hardware's hash where its description does not say.
std::string nameOf(const Target& target) {
  const auto description = nlohmann::json::parse(target.description, nullptr, false);
  const auto name = nlohmann::json::json_pointer("/hardware/name");
  const bool said = description.is_object() && description.contains(name) && description[name].is_string();
  return said ? description[name].get<std::string>() : target.hardware;
}

Result<Contents> read(const Reader& reader) {
  Contents out;
  std::map<std::string, std::string> names, hardware;
  Visitor visitor;
  visitor.kernel = [&](const Kernel& entry) -> Result<void> {
    names[entry.id] = entry.name;
    return {};
  };
  visitor.target = [&](const Target& entry) -> Result<void> {
    hardware[entry.id] = entry.hardware;
    out.devices[entry.hardware] = nameOf(entry);
    return {};
  };
  visitor.build = [&](const BuildEntry& entry) -> Result<void> {
    out.builds[{names[entry.key.kernel], entry.key.sizes, entry.key.configuration, entry.build.target}] =
        entry.build;
    return {};
  };
  visitor.measurement = [&](const MeasurementEntry& entry) -> Result<void> {
    if (entry.measurement.outcome != "timed" || !entry.measurement.seconds || entry.measurement.abandoned)
      return {};
    Place place{names[entry.build.kernel], entry.build.sizes, "", hardware[entry.target]};
    auto [best, isNew] = out.best.emplace(place, *entry.measurement.seconds);
    best->second = std::min(best->second, *entry.measurement.seconds);
    return {};
  };
  if (auto done = reader.visit(visitor); !done) return fail(done.error());
  return out;
}

Change change(const Place& place, const std::string& what, const std::string& detail = {}, double ratio = 1) {
  return {place[0], place[1], place[2], place[3], what, detail, ratio};
}

/// A failed build may not say its target: it is looked for without.
const Build* find(const Contents& in, const Place& place) {
  auto found = in.builds.find(place);
  if (found == in.builds.end()) found = in.builds.find({place[0], place[1], place[2], ""});
  return found == in.builds.end() ? nullptr : &found->second;
}

void compareBuilds(const Contents& a, const Contents& b, Difference& out) {
  for (const auto& [place, before] : a.builds) {
    const Build* after = find(b, place);
    if (!after) {
      out.changes.push_back(change(place, "gone"));
    } else if (before.built() && !after->built()) {
      out.changes.push_back(change(place, "fails", after->reason));
      out.failing = true;
    } else if (!before.built() && after->built()) {
      out.changes.push_back(change(place, "works"));
    } else if (before.artefact != after->artefact) {
      out.changes.push_back(change(place, "other code",
                                   "registers " + std::to_string(before.resources.registers) + " to " +
                                       std::to_string(after->resources.registers)));
    } else {
      ++out.same;
    }
  }
  for (const auto& [place, after] : b.builds)
    if (!a.builds.contains(place) && !a.builds.contains({place[0], place[1], place[2], ""}))
      out.changes.push_back(change(place, "new"));
}

} // namespace

Result<Difference> diff(const Reader& a, const Reader& b) {
  auto before = read(a), after = read(b);
  if (!before || !after) return fail(before ? after.error() : before.error());
  Difference out;
  compareBuilds(*before, *after, out);
  for (const auto& [place, seconds] : before->best) {
    auto now = after->best.find(place);
    if (now == after->best.end() || seconds <= 0) continue;
    double ratio = now->second / seconds;
    out.worstRatio = std::max(out.worstRatio, ratio);
    if (std::abs(ratio - 1) > noise)
      out.changes.push_back(change({place[0], place[1], "", before->devices[place[3]]},
                                   ratio > 1 ? "slower" : "faster", "", ratio));
  }
  return out;
}

} // namespace tuned::bundle
