#include "tuner/search/space.h"
#include "tuner/search/compilers.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>

namespace tuned {
namespace {

/// Work of a walk before a space counts as too large to list, and work spent on a sample: values chosen, and
/// for each constraint looked at its length in words.
constexpr int64_t kWalkWork = int64_t(1) << 23, kSampleWork = int64_t(1) << 22;
/// Values kept in memory, over all configurations; a value takes about 80 bytes.
constexpr size_t kValuesKept = size_t(1) << 20;
constexpr size_t kSampleSize = size_t(1) << 16;
constexpr uint64_t kSampleSeed = 1;

/// Goes through the parameters in order. A constraint is looked at as soon as all it names is chosen, so that
/// spaces much smaller than the product of their values are listed without walking the product. Holds its own
/// stack: a document may bring as many parameters as the reader of documents lets through.
class Walk {
public:
  Walk(const Kernel& kernel, const Sizes& sizes)
      : kernel_(kernel), bindings_(bindingsOf(kernel, {}, sizes)), due_(kernel.parameters.size() + 1) {
    std::map<std::string, size_t> depths;
    for (size_t i = 0; i < kernel.parameters.size(); ++i)
      depths[kernel.parameters[i].name] = i + 1;
    for (const Expression& constraint : kernel.constraints) {
      size_t last = 0;
      for (const std::string& name : constraint.names())
        if (auto found = depths.find(name); found != depths.end()) last = std::max(last, found->second);
      due_[last].push_back(&constraint);
    }
    // Launch options that the default fixes without making them parameters.
    for (const auto& [name, value] : kernel.defaults)
      if (!depths.contains(name)) chosen_[name] = value;
    for (const KernelParameter& parameter : kernel.parameters)
      chosen_[parameter.name] = parameter.values.front();
    room_ = kValuesKept / std::max<size_t>(1, chosen_.size());
  }

  struct Found {
    std::vector<Configuration> configurations;
    bool sampled = false;
  };
  /// Lists the space, or samples it. InvalidInput: it cannot be listed, and nothing was found by chance.
  Result<Found> run() {
    auto listed = list();
    if (!listed) return fail(listed.error());
    if (*listed) return Found{std::move(**listed), false};
    auto drawn = sample();
    if (!drawn) return fail(drawn.error());
    if (drawn->empty())
      return fail(ErrorKind::InvalidInput,
                  "kernel '" + kernel_.name + "': no configuration was found in a space too large to walk",
                  "give a default that satisfies the constraints, or list fewer values");
    return Found{std::move(*drawn), true};
  }

private:
  /// All configurations, the last parameter varying fastest. Nothing: too many, or too many steps.
  Result<std::optional<std::vector<Configuration>>> list() {
    std::vector<size_t> next(kernel_.parameters.size(), 0); // value to be tried at each depth
    size_t depth = 0;
    auto holds = constraintsHold(0);
    if (!holds) return fail(holds.error());
    std::vector<Configuration> found;
    if (!*holds) return found;
    if (next.empty()) return std::vector{chosen_};
    while (work_ < kWalkWork && found.size() <= room_) {
      if (next[depth] == kernel_.parameters[depth].values.size()) {
        if (depth == 0) return found;
        next[depth--] = 0;
        continue;
      }
      choose(depth, next[depth]++);
      auto good = constraintsHold(depth + 1);
      if (!good) return fail(good.error());
      if (!*good) continue;
      if (depth + 1 == next.size())
        found.push_back(chosen_);
      else
        ++depth;
    }
    return std::nullopt;
  }

  /// Distinct configurations, drawn with a fixed seed; the default first.
  Result<std::vector<Configuration>> sample() {
    std::set<Configuration> drawn;
    std::vector<Configuration> found;
    auto keep = [&](const Configuration& configuration) {
      if (drawn.insert(configuration).second) found.push_back(configuration);
    };
    for (const auto& [name, value] : kernel_.defaults)
      bindings_[name] = value;
    bool standard = true;
    for (size_t depth = 0; depth <= kernel_.parameters.size() && standard; ++depth) {
      auto holds = constraintsHold(depth);
      if (!holds) return fail(holds.error());
      standard = *holds;
    }
    if (standard) keep(kernel_.defaults);
    std::mt19937_64 generator(kSampleSeed);
    const size_t wanted = std::min(kSampleSize, room_ / 2); // they are held twice meanwhile
    for (work_ = 0; work_ < kSampleWork && found.size() < wanted;) {
      auto drew = draw(generator);
      if (!drew) return fail(drew.error());
      if (*drew) keep(chosen_);
    }
    return found;
  }

  void choose(size_t depth, size_t index) {
    ++work_;
    const KernelParameter& parameter = kernel_.parameters[depth];
    bindings_[parameter.name] = chosen_[parameter.name] = parameter.values[index];
  }

  Result<bool> constraintsHold(size_t depth) {
    for (const Expression* constraint : due_[depth]) {
      work_ += 1 + static_cast<int64_t>(constraint->text().size() / 8);
      auto holds = constraint->evaluate(bindings_);
      if (!holds) return fail(holds.error());
      if (!*holds) return false;
    }
    return true;
  }

  /// One configuration into chosen_: at each parameter the first value that holds of all in a random
  /// rotation. False: it came to a dead end.
  Result<bool> draw(std::mt19937_64& generator) {
    for (size_t depth = 0; depth < kernel_.parameters.size(); ++depth) {
      const size_t count = kernel_.parameters[depth].values.size(), start = generator() % count;
      bool chosen = false;
      for (size_t i = 0; i < count && !chosen; ++i) {
        if (work_ > kSampleWork) return false;
        choose(depth, (start + i) % count);
        auto holds = constraintsHold(depth + 1);
        if (!holds) return fail(holds.error());
        chosen = *holds;
      }
      if (!chosen) return false;
    }
    return true;
  }

  const Kernel& kernel_;
  Bindings bindings_;
  Configuration chosen_;
  std::vector<std::vector<const Expression*>> due_; ///< by how many parameters must be chosen
  size_t room_ = 0;                                 ///< configurations that may be kept
  int64_t work_ = 0;
};

/// Product of the numbers of values, at most 2^62; ignored parameters count once.
int64_t productOf(const std::vector<KernelParameter>& parameters, const std::set<std::string>& ignored) {
  constexpr int64_t most = int64_t(1) << 62;
  int64_t product = 1;
  for (const KernelParameter& parameter : parameters) {
    if (ignored.contains(parameter.name)) continue;
    const auto count = static_cast<int64_t>(parameter.values.size());
    if (product > most / count) return most;
    product *= count;
  }
  return product;
}

size_t hashOf(const Configuration& configuration) {
  size_t hash = configuration.size();
  for (const auto& [name, value] : configuration)
    hash = (hash ^ std::hash<std::string>()(name)) * 0x9e3779b97f4a7c15 + std::hash<int64_t>()(value);
  return hash;
}

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
struct Placed {
  size_t place;
  Configuration configuration;
};

/// One configuration for each that differ in ignored parameters only; the one nearest the default.
std::vector<Placed> collapse(std::vector<Placed> all, const std::set<std::string>& ignored,
                             const Configuration& defaults) {
  if (ignored.empty()) return all;
  std::map<Configuration, std::pair<size_t, int>> kept; // what counts -> (position in `out`, agreement)
  std::vector<Placed> out;
  for (Placed& each : all) {
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
std::vector<Placed> partOf(const std::vector<Configuration>& all, const CompilerChoice& choice,
                           bool compilerNamed) {
  std::vector<Placed> part;
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
  auto walked = Walk(kernel, sizes).run();
  if (!walked) return fail(walked.error());
  const std::vector<Configuration>& listed = walked->configurations;
  if (listed.empty()) return emptySpace(kernel, sizes);

  std::vector<CompilerChoice> choices = compilerChoices(kernel, compilers);
  bool compilerNamed =
      std::ranges::find(kernel.parameters, "compiler", &KernelParameter::name) != kernel.parameters.end();
  std::vector<Placed> all;
  for (const CompilerChoice& choice : choices) {
    std::set<std::string> unread = ignored;
    unread.insert(choice.ignored.begin(), choice.ignored.end());
    for (Placed& each : collapse(partOf(listed, choice, compilerNamed), unread, kernel.defaults))
      all.push_back(std::move(each));
  }
  std::ranges::stable_sort(all, {}, &Placed::place);
  std::vector<Configuration> configurations;
  for (Placed& each : all)
    configurations.push_back(std::move(each.configuration));
  if (configurations.empty()) return emptySpace(kernel, sizes);

  std::vector<KernelParameter> parameters = kernel.parameters;
  if (!compilerNamed && choices.size() > 1) {
    parameters.push_back({"compiler", {}});
    for (const CompilerChoice& choice : choices)
      parameters.back().values.push_back(choice.value.value_or(0));
  }
  Space space = of(std::move(parameters), std::move(configurations));
  if (walked->sampled) space.total_ = std::max(space.total_, productOf(space.parameters_, ignored));
  return space;
}

Space Space::of(std::vector<KernelParameter> parameters, std::vector<Configuration> configurations) {
  Space space;
  space.parameters_ = std::move(parameters);
  space.configurations_ = std::move(configurations);
  for (size_t i = 0; i < space.configurations_.size(); ++i) {
    auto compiler = space.configurations_[i].find("compiler");
    space.ownCompilerNamed_ |= compiler != space.configurations_[i].end() && compiler->second == 0;
    space.positions_.emplace(hashOf(space.configurations_[i]), i);
  }
  space.total_ = static_cast<int64_t>(space.configurations_.size());
  return space;
}

size_t Space::find(const Configuration& configuration) const {
  auto [first, last] = positions_.equal_range(hashOf(configuration));
  for (auto each = first; each != last; ++each)
    if (configurations_[each->second] == configuration) return each->second;
  return size();
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
