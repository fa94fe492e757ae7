#include "tuner/search/space.h"

#include <algorithm>
#include <cstdlib>

namespace tuned {

namespace {
constexpr size_t kGrownSize = size_t(1) << 17; ///< rows of a sampled space with what explore() adds
} // namespace

Space Space::of(std::vector<KernelParameter> parameters, std::vector<Index> cells) {
  Space space;
  space.parameters_ = std::move(parameters);
  space.cells_ = std::move(cells);
  const size_t width = space.parameters_.size();
  space.size_ = width > 0 ? space.cells_.size() / width : 1;
  space.listed_ = space.size_;
  space.total_ = static_cast<int64_t>(space.size_);
  space.index();
  return space;
}

/// The slot of the row, or the free one where it would go.
size_t Space::slotOf(Row row) const {
  uint64_t hash = 0xcbf29ce484222325;
  for (Index each : row)
    hash = (hash ^ each) * 0x100000001b3;
  const size_t mask = slots_.size() - 1;
  for (size_t slot = (hash ^ (hash >> 29)) & mask;; slot = (slot + 1) & mask)
    if (slots_[slot] == 0 || std::ranges::equal(this->row(slots_[slot] - 1), row)) return slot;
}

void Space::index() {
  size_t count = 16;
  while (count < 2 * size_)
    count *= 2;
  slots_.assign(count, 0);
  for (size_t position = 0; position < size_; ++position)
    slots_[slotOf(row(position))] = static_cast<uint32_t>(position + 1);
}

void Space::append(Row row) {
  const std::vector<Index> copy(row.begin(), row.end()); // it may lie in cells_
  cells_.insert(cells_.end(), copy.begin(), copy.end());
  ++size_;
  if (2 * size_ > slots_.size())
    index();
  else
    slots_[slotOf(copy)] = static_cast<uint32_t>(size_);
}

size_t Space::find(Row row) const {
  const uint32_t found = slots_[slotOf(row)];
  return found ? found - 1 : size_;
}

size_t Space::find(const Configuration& configuration) const {
  std::vector<Index> row;
  for (const KernelParameter& parameter : parameters_) {
    auto named = configuration.find(parameter.name);
    // A configuration without a compiler means the target's own, which is value 0.
    const bool own = named == configuration.end() && !ownCompilerNamed_ && parameter.name == "compiler";
    if (named == configuration.end() && !own) return size_;
    auto value = std::ranges::find(parameter.values, own ? 0 : named->second);
    if (value == parameter.values.end()) return size_;
    row.push_back(static_cast<Index>(value - parameter.values.begin()));
  }
  const size_t found = find(row);
  // What is no parameter has to agree, too.
  return found < size_ && this->configuration(found) == configuration ? found : size_;
}

Configuration Space::configuration(size_t position) const {
  Configuration out = fixed_;
  const Row values = row(position);
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t value = parameters_[i].values[values[i]];
    if (value == 0 && !ownCompilerNamed_ && parameters_[i].name == "compiler") continue;
    out[parameters_[i].name] = value;
  }
  return out;
}

bool Space::satisfies(Row row, Bindings& bindings) const {
  for (size_t i = 0; i < row.size(); ++i)
    bindings[parameters_[i].name] = parameters_[i].values[row[i]];
  return std::ranges::all_of(rules_->constraints, [&](const Expression& constraint) {
    auto holds = constraint.evaluate(bindings);
    return holds && *holds;
  });
}

std::vector<size_t> Space::around(size_t position, Space* grown) const {
  struct Near {
    size_t steps, position;
  };
  std::vector<Near> near;
  Bindings bindings = grown ? rules_->bindings : Bindings();
  std::vector<Index> varied(row(position).begin(), row(position).end());
  for (size_t i = 0; i < varied.size(); ++i) {
    const Index own = varied[i];
    for (size_t value = 0; value < parameters_[i].values.size(); ++value) {
      if (value == own) continue;
      varied[i] = static_cast<Index>(value);
      size_t found = find(varied);
      if (found == size_ && grown && size_ < kGrownSize && !unread_.contains(i) &&
          satisfies(varied, bindings))
        grown->append(varied);
      if (found < size_)
        near.push_back({static_cast<size_t>(std::abs(static_cast<long>(value) - own)), found});
    }
    varied[i] = own;
  }
  std::ranges::stable_sort(near, {}, &Near::steps);
  std::vector<size_t> out;
  for (const Near& each : near)
    out.push_back(each.position);
  return out;
}

std::vector<size_t> Space::neighbours(size_t position) const {
  return around(position, nullptr);
}

std::vector<size_t> Space::explore(size_t position) {
  return around(position, sampled() && rules_ ? this : nullptr);
}

} // namespace tuned
