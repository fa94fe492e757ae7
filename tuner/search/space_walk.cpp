#include "tuner/search/space_walk.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace tuned {
namespace {

/// Work of a walk before a space counts as too large to list, and work spent on a sample: values chosen, and
/// for each constraint looked at its length in words.
constexpr int64_t kWalkWork = int64_t(1) << 23, kSampleWork = int64_t(1) << 22;
constexpr size_t kCellsKept = size_t(1) << 25; ///< 64 MiB
constexpr size_t kSampleSize = size_t(1) << 16;
constexpr size_t kSampleCells = size_t(1) << 20;
constexpr uint64_t kSampleSeed = 1;

} // namespace

SpaceWalk::SpaceWalk(const Kernel& kernel, const Sizes& sizes)
    : kernel_(kernel), bindings_(bindingsOf(kernel, {}, sizes)), chosen_(kernel.parameters.size(), 0),
      due_(kernel.parameters.size() + 1) {
  std::map<std::string, size_t> depths;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    depths[kernel.parameters[i].name] = i + 1;
    values_.push_back(&bindings_[kernel.parameters[i].name]);
  }
  for (const Expression& constraint : kernel.constraints) {
    size_t last = 0;
    for (const std::string& name : constraint.names())
      if (auto found = depths.find(name); found != depths.end()) last = std::max(last, found->second);
    due_[last].push_back(&constraint);
  }
  room_ = kCellsKept / std::max<size_t>(1, chosen_.size());
}

Result<SpaceWalk::Found> SpaceWalk::run() {
  auto listed = list();
  if (!listed) return fail(listed.error());
  if (*listed) return std::move(**listed);
  auto drawn = sample();
  if (!drawn) return drawn;
  if (drawn->count == 0)
    return fail(ErrorKind::InvalidInput,
                "kernel '" + kernel_.name + "': no configuration was found in a space too large to walk",
                "give a default that satisfies the constraints, or list fewer values");
  return drawn;
}

/// All configurations, the last parameter varying fastest. Nothing: too many, or too many steps.
Result<std::optional<SpaceWalk::Found>> SpaceWalk::list() {
  std::vector<size_t> next(kernel_.parameters.size(), 0); // value to be tried at each depth
  size_t depth = 0;
  auto holds = constraintsHold(0);
  if (!holds) return fail(holds.error());
  Found found;
  if (!*holds) return found;
  if (next.empty()) {
    found.count = 1;
    return found;
  }
  while (work_ < kWalkWork && found.count <= room_) {
    if (next[depth] == kernel_.parameters[depth].values.size()) {
      if (depth == 0) return found;
      next[depth--] = 0;
      continue;
    }
    choose(depth, next[depth]++);
    auto good = constraintsHold(depth + 1);
    if (!good) return fail(good.error());
    if (!*good) continue;
    if (depth + 1 == next.size()) {
      found.cells.insert(found.cells.end(), chosen_.begin(), chosen_.end());
      ++found.count;
    } else {
      ++depth;
    }
  }
  return std::nullopt;
}

/// The default, where every parameter has it among its values.
std::optional<std::vector<Space::Index>> SpaceWalk::defaultRow() const {
  std::vector<Space::Index> row;
  for (const KernelParameter& parameter : kernel_.parameters) {
    auto value = kernel_.defaults.find(parameter.name);
    if (value == kernel_.defaults.end()) return std::nullopt;
    auto listed = std::ranges::find(parameter.values, value->second);
    if (listed == parameter.values.end()) return std::nullopt;
    row.push_back(static_cast<Space::Index>(listed - parameter.values.begin()));
  }
  return row;
}

/// Distinct configurations, drawn with a fixed seed; the default first.
Result<SpaceWalk::Found> SpaceWalk::sample() {
  Found found;
  found.sampled = true;
  std::unordered_set<std::string> drawn;
  auto keep = [&](const std::vector<Space::Index>& row) {
    const std::string bytes(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(Space::Index));
    if (!drawn.insert(bytes).second) return;
    found.cells.insert(found.cells.end(), row.begin(), row.end());
    ++found.count;
  };
  if (auto standard = defaultRow()) {
    bool good = true;
    for (size_t depth = 0; depth < standard->size(); ++depth)
      choose(depth, (*standard)[depth]);
    for (size_t depth = 0; depth <= kernel_.parameters.size() && good; ++depth) {
      auto holds = constraintsHold(depth);
      if (!holds) return fail(holds.error());
      good = *holds;
    }
    if (good) keep(*standard);
  }
  std::mt19937_64 generator(kSampleSeed);
  const size_t wanted = std::min(kSampleSize, kSampleCells / std::max<size_t>(1, chosen_.size()));
  for (work_ = 0; work_ < kSampleWork && found.count < wanted;) {
    auto drew = draw(generator);
    if (!drew) return fail(drew.error());
    if (*drew) keep(chosen_);
  }
  return found;
}

void SpaceWalk::choose(size_t depth, size_t index) {
  ++work_;
  chosen_[depth] = static_cast<Space::Index>(index);
  *values_[depth] = kernel_.parameters[depth].values[index];
}

Result<bool> SpaceWalk::constraintsHold(size_t depth) {
  for (const Expression* constraint : due_[depth]) {
    work_ += 1 + static_cast<int64_t>(constraint->text().size() / 8);
    auto holds = constraint->evaluate(bindings_);
    if (!holds) return fail(holds.error());
    if (!*holds) return false;
  }
  return true;
}

/// One configuration into chosen_: at each parameter the first value that holds of all in a random rotation.
/// False: it came to a dead end.
Result<bool> SpaceWalk::draw(std::mt19937_64& generator) {
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

} // namespace tuned
