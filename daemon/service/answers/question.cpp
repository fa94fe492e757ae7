#include "daemon/service/answers/question.h"

#include "base/sha256.h"
#include "tuner/verify/verify.h"

#include <algorithm>
#include <charconv>

namespace tuned {

namespace {
std::string digits(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

Tolerance toleranceOf(const std::optional<Tolerance>& given, const std::string& type) {
  return given ? *given : typeTolerance(type);
}

/// Whether every output's tolerance in `now` allows at least `share` of what `then` allowed.
bool allows(const Kernel& kernel, const std::optional<Tolerance>& now, const std::optional<Tolerance>& then,
            double share) {
  return std::ranges::all_of(kernel.arguments, [&](const KernelArgument& argument) {
    if (!argument.output) return true;
    const Tolerance a = toleranceOf(now, argument.type), b = toleranceOf(then, argument.type);
    return a.relative >= share * b.relative && a.absolute >= share * b.absolute;
  });
}
} // namespace

const char* policyOf(const Objective& objective) {
  return objective.timeAlone() ? store::byTime : "cold, with energy";
}

std::string questionOf(const Kernel& kernel, const Objective& objective) {
  std::string text = std::string(policyOf(objective)) + '\0';
  if (!objective.timeAlone()) // only their ratio matters
    text += digits(objective.time / (objective.time + objective.energy)) + '\0';
  text +=
      kernel.tolerance ? digits(kernel.tolerance->relative) + " " + digits(kernel.tolerance->absolute) : "";
  for (const KernelParameter& parameter : kernel.parameters) {
    text += '\0' + parameter.name;
    for (int64_t value : parameter.values)
      text += " " + std::to_string(value);
  }
  for (const Expression& constraint : kernel.constraints)
    text += '\0' + constraint.text();
  text += '\0' + toString(kernel.defaults);
  return sha256(text);
}

bool inSpace(const Kernel& kernel, const Configuration& configuration, const Sizes& sizes) {
  for (const KernelParameter& parameter : kernel.parameters) {
    auto chosen = configuration.find(parameter.name);
    if (chosen == configuration.end() ||
        std::ranges::find(parameter.values, chosen->second) == parameter.values.end())
      return false;
  }
  for (const auto& [name, value] : configuration) {
    if (std::ranges::find(kernel.parameters, name, &KernelParameter::name) != kernel.parameters.end())
      continue;
    // Which compiler made it is a parameter of every space on devices that have several (compilers.h).
    if (name == "compiler" && value >= 0 && static_cast<size_t>(value) < kCompilerNames.size()) continue;
    auto fixed = kernel.defaults.find(name);
    if (fixed == kernel.defaults.end() || fixed->second != value) return false;
  }
  auto allowed = satisfiesConstraints(kernel, configuration, sizes);
  return allowed && *allowed;
}

Holds holdsUnder(const Kernel& kernel, const Verdict& verdict) {
  if (verdict.state == "failed")
    return allows(kernel, verdict.tolerance, kernel.tolerance, 1) ? Holds::No : Holds::Unknown;
  if (verdict.checked == 0) return Holds::Yes;
  if (verdict.state != "passed") return Holds::Unknown;
  // What was off by a share of the old tolerance is within any that allows that share. How much more the
  // kernel's own sums leave open is known for the tolerance that was asked then, and for looser ones.
  const double share = std::min(1.0, verdict.worstError * std::max(1.0, verdict.factor));
  return allows(kernel, kernel.tolerance, verdict.tolerance, share) ? Holds::Yes : Holds::Unknown;
}

Configuration forAnyAddress(Configuration configuration) {
  configuration.erase("compiler");
  configuration[kAnyAddress] = 1;
  return configuration;
}

bool answersWithout(const Kernel& kernel, const Sizes& sizes, const store::MeasurementRecord& record,
                    const std::vector<LaunchCondition>& broken, const Objective& objective) {
  for (const LaunchCondition& condition : record.build.build.launch.conditions)
    if (std::ranges::any_of(broken, [&](const auto& one) { return alike(one, condition); })) return false;
  if (answers(kernel, sizes, record, objective)) return true;
  store::MeasurementRecord point = record; // of the space but for where its buffers may be
  return point.measurement.configuration.erase(kAnyAddress) > 0 && answers(kernel, sizes, point, objective);
}

bool answers(const Kernel& kernel, const Sizes& sizes, const store::MeasurementRecord& record,
             const Objective& objective) {
  if (record.policy != policyOf(objective) || holdsUnder(kernel, record.measurement.verdict) != Holds::Yes)
    return false;
  // What others bring is named by a configuration that need not be one of ours.
  return !record.build.key.origin.empty() || inSpace(kernel, record.measurement.configuration, sizes);
}

} // namespace tuned
