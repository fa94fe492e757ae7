#include "client/tunectl/near.h"

#include <algorithm>

namespace tuned::tunectl {
namespace {

/// Optimal string alignment distance, by three rows of the table: two letters that were exchanged are one.
size_t slipsBetween(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

constexpr size_t longWord = 5;

} // namespace

std::vector<std::string> near(std::string_view word, std::span<const std::string> known) {
  std::vector<std::string> out;
  if (word.size() < 2) return out;
  size_t fewest = word.size() < longWord ? 1 : 2;
  for (const std::string& each : known) {
    const size_t slips = each.starts_with(word) ? 0 : slipsBetween(word, each);
    if (slips > fewest) continue;
    if (slips < fewest) out.clear();
    fewest = slips;
    out.push_back(each);
  }
  return out;
}

} // namespace tuned::tunectl
