#include "tuner/space.h"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace tuned {
namespace {

constexpr int64_t kProductLimit = int64_t(1) << 24;
constexpr size_t kSpaceLimit = 1'000'000;

/// Counts through all products of values, the last parameter fastest.
class Counter {
public:
  explicit Counter(const Kernel& kernel)
      : parameters_(kernel.parameters), digits_(kernel.parameters.size(), 0) {
    // Launch options that the default fixes without making them parameters.
    for (const auto& [name, value] : kernel.defaults)
      if (std::ranges::find(parameters_, name, &KernelParameter::name) == parameters_.end())
        fixed_[name] = value;
  }

  Configuration configuration() const {
    Configuration out = fixed_;
    for (size_t i = 0; i < digits_.size(); ++i)
      out[parameters_[i].name] = parameters_[i].values[digits_[i]];
    return out;
  }
  bool advance() {
    for (size_t i = digits_.size(); i-- > 0;) {
      if (++digits_[i] < parameters_[i].values.size()) return true;
      digits_[i] = 0;
    }
    return false;
  }

private:
  const std::vector<KernelParameter>& parameters_;
  std::vector<size_t> digits_;
  Configuration fixed_;
};

std::unexpected<Error> emptySpace(const Kernel& kernel, const Sizes& sizes) {
  std::string text;
  for (const Expression& constraint : kernel.constraints)
    text += (text.empty() ? "`" : ", `") + constraint.text() + "`";
  return fail(ErrorKind::InvalidInput,
              "kernel '" + kernel.name + "' has no configuration for sizes " + toString(sizes) +
                  " that satisfies its constraints: " + text,
              "widen the parameters or relax the constraints");
}

/// One configuration for each that differ in ignored parameters only; the one nearest the default.
std::vector<Configuration> collapse(std::vector<Configuration> all, const std::set<std::string>& ignored,
                                    const Configuration& defaults) {
  std::map<Configuration, std::pair<size_t, int>> kept; // what counts -> (position in `out`, agreement)
  std::vector<Configuration> out;
  for (Configuration& configuration : all) {
    Configuration counts;
    int agreement = 0;
    for (const auto& [name, value] : configuration) {
      auto standard = defaults.find(name);
      if (!ignored.contains(name))
        counts[name] = value;
      else if (standard != defaults.end() && standard->second == value)
        ++agreement;
    }
    auto [slot, fresh] = kept.try_emplace(std::move(counts), out.size(), agreement);
    if (fresh) {
      out.push_back(std::move(configuration));
    } else if (agreement > slot->second.second) {
      slot->second.second = agreement;
      out[slot->second.first] = std::move(configuration);
    }
  }
  return out;
}

} // namespace

Result<Space> Space::enumerate(const Kernel& kernel, const Sizes& sizes,
                               const std::set<std::string>& ignored) {
  if (auto ok = checkSizes(kernel, sizes); !ok) return fail(ok.error());
  int64_t product = 1;
  for (const KernelParameter& parameter : kernel.parameters)
    if (__builtin_mul_overflow(product, static_cast<int64_t>(parameter.values.size()), &product) ||
        product > kProductLimit)
      return fail(ErrorKind::InvalidInput,
                  "kernel '" + kernel.name + "': its parameters have more than 2^24 combinations",
                  "list fewer values");
  std::vector<Configuration> configurations;
  Counter counter(kernel);
  do {
    Configuration configuration = counter.configuration();
    auto holds = satisfiesConstraints(kernel, configuration, sizes);
    if (!holds) return fail(holds.error());
    if (*holds) configurations.push_back(std::move(configuration));
    if (configurations.size() > kSpaceLimit)
      return fail(ErrorKind::InvalidInput, "kernel '" + kernel.name + "': more than a million configurations",
                  "list fewer values or constrain them");
  } while (counter.advance());
  if (configurations.empty()) return emptySpace(kernel, sizes);
  if (!ignored.empty()) configurations = collapse(std::move(configurations), ignored, kernel.defaults);
  return of(kernel.parameters, std::move(configurations));
}

Space Space::of(std::vector<KernelParameter> parameters, std::vector<Configuration> configurations) {
  Space space;
  space.parameters_ = std::move(parameters);
  space.configurations_ = std::move(configurations);
  for (size_t i = 0; i < space.configurations_.size(); ++i)
    space.positions_.emplace(space.configurations_[i], i);
  return space;
}

size_t Space::find(const Configuration& configuration) const {
  auto found = positions_.find(configuration);
  return found == positions_.end() ? size() : found->second;
}

std::vector<size_t> Space::neighbours(size_t position) const {
  struct Near {
    size_t steps, position;
  };
  std::vector<Near> near;
  Configuration varied = configurations_[position];
  for (const KernelParameter& parameter : parameters_) {
    int64_t own = varied[parameter.name];
    auto index = std::ranges::find(parameter.values, own) - parameter.values.begin();
    for (size_t i = 0; i < parameter.values.size(); ++i) {
      if (parameter.values[i] == own) continue;
      varied[parameter.name] = parameter.values[i];
      if (size_t found = find(varied); found != size())
        near.push_back(
            {static_cast<size_t>(std::abs(static_cast<long>(i) - static_cast<long>(index))), found});
    }
    varied[parameter.name] = own;
  }
  std::ranges::stable_sort(near, {}, &Near::steps);
  std::vector<size_t> out;
  for (const Near& each : near)
    out.push_back(each.position);
  return out;
}

} // namespace tuned
