#include "daemon/prewarm/queue.h"

#include <limits>

namespace tuned::prewarm {

bool byOther(const Item& item) {
  const auto compiler = item.configuration.find("compiler");
  return compiler != item.configuration.end() && compiler->second != 0;
}

Queue::Key Queue::keyOf(const Item& item) {
  return {!byOther(item), item.problem->kernel, item.problem->compileTarget};
}

double Queue::Kind::expected() const {
  constexpr double untried = std::numeric_limits<double>::infinity();
  if (taken == 0) return untried;
  return made == 0 ? std::numeric_limits<double>::max() : seconds / static_cast<double>(made);
}

void Queue::add(const Item& item, size_t index) {
  kinds_[keyOf(item)].items.push_back(index);
}

std::optional<size_t> Queue::take() {
  Kind* longest = nullptr;
  for (auto& [key, kind] : kinds_)
    if (kind.taken < kind.items.size() && (!longest || kind.expected() > longest->expected()))
      longest = &kind;
  if (!longest) return std::nullopt;
  return longest->items[longest->taken++];
}

void Queue::took(const Item& item, double seconds) {
  Kind& kind = kinds_[keyOf(item)];
  ++kind.made;
  kind.seconds += seconds;
}

} // namespace tuned::prewarm
