#include "daemon/service/answers/nearest.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace tuned {
namespace {

constexpr double kUnmeasured = 0.3; // what was not tried somewhere is taken to lose there
// How fast sizes count less where one of them doubles: to a quarter when it comes to who is chosen, to 0.7
// when it comes to what such choices lose. Both, and the limit, are set by spaces recorded on a GPU.
constexpr double kChoosing = 2, kExpecting = 0.5;
constexpr double kFarther =
    2; // sizes farther off than those that losses were seen at lose so many times as much, at most

double weightAt(double distance, double slope) {
  return std::exp2(-slope * std::sqrt(distance));
}

double lossOf(const NearSizes& sizes, size_t winner, size_t there) {
  return winner == there ? 0 : std::max(0.0, sizes.losses[winner][there].value_or(kUnmeasured));
}

/// Of the winners of `known`, the one that lost least there, near the sizes asked for above all (kernel
/// regression, Nadaraya 1964); of those that lost alike the first. `far`: of all sizes from those asked for.
std::optional<size_t> choose(const NearSizes& sizes, const std::vector<size_t>& known,
                             const std::vector<double>& far) {
  std::optional<size_t> best;
  double least = 0;
  for (size_t winner : known) {
    if (!sizes.usable[winner]) continue;
    double sum = 0;
    for (size_t there : known)
      sum += weightAt(far[there], kChoosing) * lossOf(sizes, winner, there);
    if (best && sum >= least) continue;
    least = sum;
    best = winner;
  }
  return best;
}

/// What the same choice would have lost at each of the known sizes, had these not been tuned: the mean, near
/// ones counting more. A loss is less where the nearest sizes known are nearer, and more where they are
/// farther.
std::optional<double> expectedLoss(const NearSizes& sizes, const std::vector<size_t>& known) {
  double sum = 0, weights = 0;
  for (size_t left : known) {
    const std::vector<double>& apart = sizes.apart[left];
    std::vector<size_t> others;
    std::ranges::copy_if(known, std::back_inserter(others), [&](size_t each) { return each != left; });
    std::ranges::stable_sort(others, {}, [&](size_t each) { return apart[each]; });
    const auto chosen = choose(sizes, others, apart);
    if (!chosen || !sizes.losses[*chosen][left]) continue;
    const double farther = std::sqrt(sizes.far.front() / std::max(apart[others.front()], 1e-9));
    const double weight = weightAt(sizes.far[left], kExpecting);
    sum += weight * std::min(farther, kFarther) * lossOf(sizes, *chosen, left);
    weights += weight;
  }
  return weights > 0 ? std::optional(sum / weights) : std::nullopt;
}

} // namespace

std::optional<Nearest> nearestWinner(const NearSizes& sizes) {
  std::vector<size_t> known(sizes.far.size());
  for (size_t i = 0; i < known.size(); ++i)
    known[i] = i;
  const auto chosen = choose(sizes, known, sizes.far);
  if (!chosen) return std::nullopt;
  return Nearest{*chosen, expectedLoss(sizes, known)};
}

} // namespace tuned
