#include "daemon/prewarm/queue.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tuned::prewarm {

bool byOther(const Item& item) {
  const auto compiler = item.configuration.find("compiler");
  return compiler != item.configuration.end() && compiler->second != 0;
}

Queue::Key Queue::keyOf(const Item& item) {
  return {!byOther(item), item.problem->kernel, item.problem->compileTarget};
}

double weightOf(const Item& item) {
  double weight = 1;
  for (const auto& [name, value] : item.configuration) {
    if (value <= 0 || name == "compiler" || name == "num_stages" || name == "num_ctas") continue;
    weight *= name == "num_warps" ? 1 / static_cast<double>(value) : static_cast<double>(value);
  }
  return weight;
}

double Queue::Kind::expected() const {
  constexpr double untried = std::numeric_limits<double>::infinity();
  if (!begun) return untried;
  return weight == 0 ? std::numeric_limits<double>::max() : seconds / weight * items.back().weight;
}

void Queue::add(const Item& item, size_t index) {
  kinds_[keyOf(item)].items.push_back({index, weightOf(item)});
}

std::optional<size_t> Queue::take() {
  Kind* longest = nullptr;
  for (auto& [key, kind] : kinds_) {
    // Of equal ones the first that was added comes first.
    if (!std::exchange(kind.sorted, true)) {
      std::ranges::reverse(kind.items);
      std::ranges::stable_sort(kind.items, {}, &Waiting::weight);
    }
    if (!kind.items.empty() && (!longest || kind.expected() > longest->expected())) longest = &kind;
  }
  if (!longest) return std::nullopt;
  longest->begun = true;
  const size_t index = longest->items.back().index;
  longest->items.pop_back();
  return index;
}

void Queue::took(const Item& item, double seconds) {
  Kind& kind = kinds_[keyOf(item)];
  kind.seconds += seconds;
  kind.weight += weightOf(item);
}

} // namespace tuned::prewarm
