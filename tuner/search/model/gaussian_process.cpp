#include "tuner/search/model/gaussian_process.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace tuned {
namespace {

constexpr float kStep = 0.05F;
// The prior of scales: log-normal around this median times the root of their number, so that points are as
// far apart however many parameters there are, with this deviation of the logarithm.
constexpr double kScaleMedian = 0.8, kScaleDeviation = 1.2;
constexpr double kLeastScale = 0.05, kMostScale = 6, kLeastNoise = 1e-5, kMostNoise = 0.3;
constexpr size_t kRounds = 7; ///< of the descent over scales and noise

float dot(const float* a, const float* b, size_t count) {
  // Independent sums, which the compiler may keep in one vector.
  float sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (size_t k = 0; k < 8; ++k)
      sums[k] += a[i + k] * b[i + k];
  float rest = 0;
  for (; i < count; ++i)
    rest += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest;
}

/// exp for arguments up to 0 with an error of 4e-5, which is below the noise; std::exp would be most of the
/// time.
float decay(float negative) {
  if (negative < -80.0F) return 0;
  const float scaled = negative * 1.44269504F;
  const auto whole = static_cast<int>(scaled - 0.5F);
  const float part = (scaled - static_cast<float>(whole)) * 0.69314718F; // ±0.35
  const float power = 1 + part * (1 + part * (0.5F + part * (0.16666667F + part * 0.04166667F)));
  return power * std::bit_cast<float>((whole + 127) << 23); // 2^whole; no less than 2^-116
}

float matern(float squared) {
  const float r = 2.23606798F * std::sqrt(squared);
  return (1 + r + r * r * 0.33333333F) * decay(-r);
}

float distance(float a, float b) {
  const float d = a - b;
  return d == 0 ? 0 : d * d + kStep;
}

/// Where a value stands in its list, 0 to 1.
std::vector<float> placesOf(size_t count) {
  std::vector<float> out(count);
  for (size_t value = 0; value < count; ++value)
    out[value] = static_cast<float>(value) / static_cast<float>(count - 1);
  return out;
}

/// How often two divides each value, 0 to 1 from the least to the most. Nothing where the list's order says
/// it already (powers of two), and where not all values are positive: these are names for something, or
/// switches.
std::vector<float> twosOf(const std::vector<int64_t>& values) {
  std::vector<int> twos;
  for (int64_t value : values) {
    if (value <= 0) return {};
    twos.push_back(std::countr_zero(static_cast<uint64_t>(value)));
  }
  if (std::ranges::is_sorted(twos) || std::ranges::is_sorted(twos, std::greater())) return {};
  const auto [least, most] = std::ranges::minmax(twos);
  std::vector<float> out(twos.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(twos[i] - least) / static_cast<float>(most - least);
  return out;
}

} // namespace

GaussianProcess::GaussianProcess(const std::vector<KernelParameter>& parameters, bool twos) {
  auto give = [&](size_t parameter, std::vector<float> coordinates) {
    parameters_.push_back(parameter);
    coordinates_.push_back(std::move(coordinates));
  };
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& values = parameters[i].values;
    if (values.size() < 2) continue;
    give(i, placesOf(values.size()));
    if (auto coordinates = twosOf(values); twos && !coordinates.empty()) give(i, std::move(coordinates));
  }
  scales_.assign(parameters_.size(), 0.5);
  precision_.assign(parameters_.size(), 4);
}

GaussianProcess::Point GaussianProcess::pointOf(Space::Row row) const {
  Point point(parameters_.size());
  for (size_t i = 0; i < parameters_.size(); ++i)
    point[i] = coordinates_[i][row[parameters_[i]]];
  return point;
}

double GaussianProcess::kernel(const Point& a, const Point& b) const {
  float squared = 0;
  for (size_t i = 0; i < a.size(); ++i)
    squared += distance(a[i], b[i]) * precision_[i];
  return matern(squared);
}

void GaussianProcess::clear() {
  points_.clear();
  factor_.clear();
}

void GaussianProcess::add(Point point) {
  const size_t n = factor_.size();
  std::vector<float> row(n + 1);
  float rest = 1 + static_cast<float>(noise_);
  for (size_t j = 0; j < n; ++j) {
    row[j] = (static_cast<float>(kernel(point, points_[j])) - dot(row.data(), factor_[j].data(), j)) /
             factor_[j][j];
    rest -= row[j] * row[j];
  }
  row[n] = std::sqrt(std::max(rest, 1e-5F));
  points_.push_back(std::move(point));
  factor_.push_back(std::move(row));
}

void GaussianProcess::update(Candidate& candidate) const {
  auto& solved = candidate.solved;
  solved.reserve(factor_.size());
  for (size_t n = solved.size(); n < factor_.size(); ++n) {
    const float value =
        (static_cast<float>(kernel(candidate.point, points_[n])) - dot(solved.data(), factor_[n].data(), n)) /
        factor_[n][n];
    solved.push_back(value);
    candidate.variance -= static_cast<double>(value) * value;
  }
}

std::vector<float> GaussianProcess::weights(const std::vector<double>& targets) const {
  std::vector<float> out(factor_.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = (static_cast<float>(targets[i]) - dot(factor_[i].data(), out.data(), i)) / factor_[i][i];
  return out;
}

double GaussianProcess::mean(const Candidate& candidate, const std::vector<float>& weights) {
  return dot(candidate.solved.data(), weights.data(), candidate.solved.size());
}

namespace {

/// The density of the targets under given scales, up to a constant, with the variance chosen best.
class Likelihood {
public:
  Likelihood(const std::vector<GaussianProcess::Point>& points, const std::vector<double>& targets)
      : count_(points.size()), targets_(targets.begin(), targets.end()), factor_(count_ * count_),
        solved_(count_) {
    const size_t width = points.empty() ? 0 : points.front().size();
    apart_.assign(width, std::vector<float>(count_ * (count_ - 1) / 2));
    for (size_t d = 0; d < width; ++d)
      for (size_t i = 0, at = 0; i < count_; ++i)
        for (size_t j = 0; j < i; ++j)
          apart_[d][at++] = distance(points[i][d], points[j][d]);
    squared_.assign(count_ * (count_ - 1) / 2, 0);
  }

  void setScales(const std::vector<double>& scales) {
    std::ranges::fill(squared_, 0);
    for (size_t d = 0; d < scales.size(); ++d)
      shift(d, 1 / (scales[d] * scales[d]));
  }
  /// Adds a parameter's part with this precision; a negative one takes it away.
  void shift(size_t d, double precision) {
    const auto by = static_cast<float>(precision);
    for (size_t at = 0; at < squared_.size(); ++at)
      squared_[at] += by * apart_[d][at];
  }

  double log(double noise) {
    double determinant = 0, square = 0;
    for (size_t i = 0, at = 0; i < count_; ++i) {
      float* row = &factor_[i * count_];
      float rest = 1 + static_cast<float>(noise);
      for (size_t j = 0; j < i; ++j, ++at) {
        const float* other = &factor_[j * count_];
        row[j] = (matern(std::max(squared_[at], 0.0F)) - dot(row, other, j)) / other[j];
        rest -= row[j] * row[j];
      }
      if (rest <= 1e-6F) return -std::numeric_limits<double>::infinity();
      row[i] = std::sqrt(rest);
      solved_[i] = (targets_[i] - dot(row, solved_.data(), i)) / row[i];
      determinant += std::log(row[i]);
      square += static_cast<double>(solved_[i]) * solved_[i];
    }
    const auto n = static_cast<double>(count_);
    return -0.5 * n * std::log(square / n + 1e-12) - determinant;
  }

private:
  size_t count_;
  std::vector<float> targets_, factor_, solved_;
  std::vector<std::vector<float>> apart_; ///< by parameter: distances of all pairs
  std::vector<float> squared_;            ///< of all pairs under the present scales
};

double logPrior(const std::vector<double>& scales) {
  const double median = kScaleMedian * std::sqrt(static_cast<double>(scales.size()));
  double sum = 0;
  for (double scale : scales) {
    const double off = std::log(scale / median) / kScaleDeviation;
    sum -= 0.5 * off * off;
  }
  return sum;
}

/// A normal deviate that is the same with every standard library.
double normal(std::mt19937_64& generator) {
  auto uniform = [&] { return (static_cast<double>(generator() >> 11) + 0.5) * 0x1p-53; };
  return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
}

} // namespace

void GaussianProcess::fit(const std::vector<Point>& points, const std::vector<double>& targets,
                          std::mt19937_64& generator) {
  clear();
  if (points.size() < 2) return;
  Likelihood likelihood(points, targets);
  likelihood.setScales(scales_);
  double best = likelihood.log(noise_) + logPrior(scales_);
  for (size_t step = 0; step < kRounds * (scales_.size() + 1); ++step) {
    const size_t which = step % (scales_.size() + 1);
    if (which == scales_.size()) {
      const double tried = std::clamp(noise_ * std::exp(1.5 * normal(generator)), kLeastNoise, kMostNoise);
      const double density = likelihood.log(tried) + logPrior(scales_);
      if (density > best) {
        best = density;
        noise_ = tried;
      }
      continue;
    }
    const double old = scales_[which];
    const double tried = std::clamp(old * std::exp(0.8 * normal(generator)), kLeastScale, kMostScale);
    const double change = 1 / (tried * tried) - 1 / (old * old);
    likelihood.shift(which, change);
    scales_[which] = tried;
    const double density = likelihood.log(noise_) + logPrior(scales_);
    if (density > best) {
      best = density;
    } else {
      likelihood.shift(which, -change);
      scales_[which] = old;
    }
  }
  for (size_t i = 0; i < scales_.size(); ++i)
    precision_[i] = static_cast<float>(1 / (scales_[i] * scales_[i]));
}

} // namespace tuned
