#include "tuner/search/space.h"
#include "tuner/search/compilers.h"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace tuned {
namespace {

constexpr int64_t kVisitLimit = int64_t(1) << 24;
constexpr size_t kSpaceLimit = 1'000'000;

/// Depth first through the parameters, the last fastest. A constraint is looked at as soon as all it names is
/// chosen, so that spaces much smaller than the product of their values are listed without walking the
/// product.
class Enumeration {
public:
  Enumeration(const Kernel& kernel, const Sizes& sizes)
      : kernel_(kernel), bindings_(bindingsOf(kernel, {}, sizes)), due_(kernel.parameters.size() + 1) {
    for (const Expression& constraint : kernel.constraints) {
      size_t last = 0;
      for (size_t i = 0; i < kernel.parameters.size(); ++i)
        if (constraint.names().contains(kernel.parameters[i].name)) last = i + 1;
      due_[last].push_back(&constraint);
    }
    // Launch options that the default fixes without making them parameters.
    for (const auto& [name, value] : kernel.defaults)
      if (std::ranges::find(kernel.parameters, name, &KernelParameter::name) == kernel.parameters.end())
        chosen_[name] = value;
  }

  Result<std::vector<Configuration>> run() {
    if (auto ok = descend(0); !ok) return fail(ok.error());
    return std::move(found_);
  }

private:
  /// With the first `depth` parameters chosen.
  Result<void> descend(size_t depth) {
    if (++visited_ > kVisitLimit || found_.size() > kSpaceLimit)
      return fail(ErrorKind::InvalidInput,
                  "kernel '" + kernel_.name +
                      "': its space has more than a million configurations, or too many to list",
                  "list fewer values or constrain them");
    for (const Expression* constraint : due_[depth]) {
      auto holds = constraint->evaluate(bindings_);
      if (!holds) return fail(holds.error());
      if (!*holds) return {};
    }
    if (depth == kernel_.parameters.size()) {
      found_.push_back(chosen_);
      return {};
    }
    const KernelParameter& parameter = kernel_.parameters[depth];
    for (int64_t value : parameter.values) {
      bindings_[parameter.name] = chosen_[parameter.name] = value;
      if (auto ok = descend(depth + 1); !ok) return ok;
    }
    return {};
  }

  const Kernel& kernel_;
  Bindings bindings_;
  Configuration chosen_;
  std::vector<std::vector<const Expression*>> due_; ///< by how many parameters must be chosen
  std::vector<Configuration> found_;
  int64_t visited_ = 0;
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

/// A configuration with the place it had in the list, so that several selections of it merge in its order.
struct Listed {
  size_t place;
  Configuration configuration;
};

/// One configuration for each that differ in ignored parameters only; the one nearest the default.
std::vector<Listed> collapse(std::vector<Listed> all, const std::set<std::string>& ignored,
                             const Configuration& defaults) {
  if (ignored.empty()) return all;
  std::map<Configuration, std::pair<size_t, int>> kept; // what counts -> (position in `out`, agreement)
  std::vector<Listed> out;
  for (Listed& each : all) {
    Configuration counts;
    int agreement = 0;
    for (const auto& [name, value] : each.configuration) {
      auto standard = defaults.find(name);
      if (!ignored.contains(name))
        counts[name] = value;
      else if (standard != defaults.end() && standard->second == value)
        ++agreement;
    }
    auto [slot, fresh] = kept.try_emplace(std::move(counts), out.size(), agreement);
    if (fresh) {
      out.push_back(std::move(each));
    } else if (agreement > slot->second.second) {
      slot->second.second = agreement;
      out[slot->second.first].configuration = std::move(each.configuration);
    }
  }
  return out;
}

/// The configurations that one compiler is asked for.
std::vector<Listed> partOf(const std::vector<Configuration>& all, const CompilerChoice& choice,
                           bool compilerNamed) {
  std::vector<Listed> part;
  for (size_t place = 0; place < all.size(); ++place) {
    if (compilerNamed && choice.value && all[place].at("compiler") != *choice.value) continue;
    part.push_back({place, all[place]});
    if (!compilerNamed && choice.value.value_or(0) != 0)
      part.back().configuration["compiler"] = *choice.value;
  }
  return part;
}

} // namespace

Result<Space> Space::enumerate(const Kernel& kernel, const Sizes& sizes, const std::set<std::string>& ignored,
                               const std::vector<std::string>& compilers) {
  if (auto ok = checkSizes(kernel, sizes); !ok) return fail(ok.error());
  auto listed = Enumeration(kernel, sizes).run();
  if (!listed) return fail(listed.error());
  if (listed->empty()) return emptySpace(kernel, sizes);

  std::vector<CompilerChoice> choices = compilerChoices(kernel, compilers);
  bool compilerNamed =
      std::ranges::find(kernel.parameters, "compiler", &KernelParameter::name) != kernel.parameters.end();
  std::vector<Listed> all;
  for (const CompilerChoice& choice : choices) {
    std::set<std::string> unread = ignored;
    unread.insert(choice.ignored.begin(), choice.ignored.end());
    for (Listed& each : collapse(partOf(*listed, choice, compilerNamed), unread, kernel.defaults))
      all.push_back(std::move(each));
  }
  std::ranges::stable_sort(all, {}, &Listed::place);
  std::vector<Configuration> configurations;
  for (Listed& each : all)
    configurations.push_back(std::move(each.configuration));
  if (configurations.empty()) return emptySpace(kernel, sizes);

  std::vector<KernelParameter> parameters = kernel.parameters;
  if (!compilerNamed && choices.size() > 1) {
    parameters.push_back({"compiler", {}});
    for (const CompilerChoice& choice : choices)
      parameters.back().values.push_back(choice.value.value_or(0));
  }
  return of(std::move(parameters), std::move(configurations));
}

Space Space::of(std::vector<KernelParameter> parameters, std::vector<Configuration> configurations) {
  Space space;
  space.parameters_ = std::move(parameters);
  space.configurations_ = std::move(configurations);
  for (size_t i = 0; i < space.configurations_.size(); ++i) {
    auto compiler = space.configurations_[i].find("compiler");
    space.ownCompilerNamed_ |= compiler != space.configurations_[i].end() && compiler->second == 0;
    space.positions_.emplace(space.configurations_[i], i);
  }
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
  const Configuration& from = configurations_[position];
  for (const KernelParameter& parameter : parameters_) {
    Configuration varied = from;
    auto named = from.find(parameter.name);
    // A configuration without a compiler means the target's own, which is value 0.
    int64_t own = named == from.end() ? 0 : named->second;
    auto index = std::ranges::find(parameter.values, own) - parameter.values.begin();
    for (size_t i = 0; i < parameter.values.size(); ++i) {
      if (parameter.values[i] == own) continue;
      if (parameter.name == "compiler" && parameter.values[i] == 0 && !ownCompilerNamed_)
        varied.erase(parameter.name);
      else
        varied[parameter.name] = parameter.values[i];
      if (size_t found = find(varied); found != size())
        near.push_back(
            {static_cast<size_t>(std::abs(static_cast<long>(i) - static_cast<long>(index))), found});
    }
  }
  std::ranges::stable_sort(near, {}, &Near::steps);
  std::vector<size_t> out;
  for (const Near& each : near)
    out.push_back(each.position);
  return out;
}

} // namespace tuned
