// What other sizes and other devices tell of a point before it is tried here: how far it was behind the best
// there, averaged over histories with weights that say how well each has ranked what was observed here. A
// history that ranks no better than chance (another kernel's, say) loses its weight after a few observations.
// (After Feurer, Letham and Bakshy, Scalable Meta-Learning for Bayesian Optimization, 2018, whose weights are
// ranking losses as well.)
#pragma once

#include "tuner/search/model/gaussian_process.h"
#include "tuner/search/strategy.h"

#include <map>
#include <unordered_map>

namespace tuned {

class Transfer {
public:
  /// Histories without two timed points of the space are left out.
  Transfer(const Space& space, const std::vector<History>& histories, std::mt19937_64& generator);

  bool empty() const { return tasks_.empty(); }
  /// Logarithm of the point's time over the best one's, as expected from the histories; 0 and more.
  double at(size_t position) const;
  /// Takes the ranking of what was observed into account.
  void weigh(const std::vector<Observation>& observations);
  /// Points that were timed somewhere, the most promising first: each history's own best, then by at().
  std::vector<size_t> promising(size_t count) const;

private:
  struct Task {
    std::unordered_map<size_t, double> behind; ///< what was tried there
    GaussianProcess model;                     ///< for what was not
    std::vector<float> weights;
    double mean = 0, prior = 1, weight = 1, worst = 0;
  };
  double predict(const Task& task, size_t position) const;
  static double ranking(const Task& task, const std::vector<Observation>& observations, const Transfer& of);

  const Space& space_;
  std::vector<Task> tasks_;
};

} // namespace tuned
