// Regression over the points of a space: a Gaussian process whose Cholesky factor grows by a row a point, so
// that a new point costs O(n²) and bringing a candidate up to date with it O(n).
//
// The kernel is Matérn 5/2 of r² = Σ (d² + kStep · [d ≠ 0]) / scale², where d is the distance of two values
// of a parameter as positions in its list, 0 to 1. The second term makes any change of value a step:
// neighbours in a list of tile sizes are alike, but seldom as alike as in a smooth function. A parameter
// whose values are not in the order of their factors of two (16, 32, 48, 64 …) has a second coordinate, how
// often two divides them: whether a block fits warps, vectors and lines of memory often says more than its
// size, and by their places 32 and 64 are no nearer to each other than to 48. Scales and noise are those of
// the largest posterior density under a log-normal prior, found by a random descent over coordinates.
// (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006: 2.2, 4.2 and 5.4.1.)
#pragma once

#include "tuner/search/space.h"

#include <random>
#include <vector>

namespace tuned {

class GaussianProcess {
public:
  /// `twos`: whether second coordinates are wanted.
  explicit GaussianProcess(const std::vector<KernelParameter>& parameters, bool twos = true);

  /// A point, as the kernel sees it: one or two coordinates for each parameter with several values.
  using Point = std::vector<float>;
  Point pointOf(Space::Row row) const;

  /// Chooses scales and noise for these points and targets (centred); forgets the points that were added.
  /// Takes O(n³) some dozens of times: give it at most about a hundred points.
  void fit(const std::vector<Point>& points, const std::vector<double>& targets, std::mt19937_64& generator);
  void clear();
  /// One more point whose value is, or will be, known.
  void add(Point point);
  size_t size() const { return factor_.size(); }

  /// What is known of a candidate: its part of the factor.
  struct Candidate {
    Point point;
    std::vector<float> solved;
    double variance = 1; ///< of the process, as a share of its variance before anything was observed
  };
  /// Brings it up to date with all points.
  void update(Candidate& candidate) const;
  /// Targets of the points, in the order of add(), as the weights that mean() takes.
  std::vector<float> weights(const std::vector<double>& targets) const;
  static double mean(const Candidate& candidate, const std::vector<float>& weights);

private:
  double kernel(const Point& a, const Point& b) const;

  std::vector<size_t> parameters_;              ///< by coordinate: whose it is
  std::vector<std::vector<float>> coordinates_; ///< by coordinate: of each value
  std::vector<double> scales_;
  std::vector<float> precision_; ///< 1 / scale²
  double noise_ = 1e-3;          ///< as a share of the variance
  std::vector<Point> points_;
  std::vector<std::vector<float>> factor_; ///< rows of the Cholesky factor
};

} // namespace tuned
