// Bayesian optimisation: a Gaussian process over the logarithms of times, and the candidate of the largest
// expected improvement next (Jones, Schonlau and Welch, Efficient Global Optimization, 1998). What differs
// from the textbook, and why:
// - The slowest fifth counts as alike: what is slow need not be told apart, and the model spends its
// flexibility
//   on the fast ones. Failures and censored times are such, too.
// - Whether a point works at all is learnt by the same process from labels 0 and 1, and weighs its
// improvement.
// - Candidates are a pool: neighbours of the best few, what histories promise, and points by chance. The pool
//   keeps its state between proposals, so that a proposal costs O(pool · n) and no n³.
// - Proposals of which nothing is known yet are taken to come out as predicted, so that a batch spreads.
// - Every kDescent-th proposal is the best neighbour of the best point: expected improvement alone leaves the
// last
//   per cent lie.
// - Histories give the process its mean (transfer.h), with a factor that is fitted: where they mislead it
// goes to 0. What two divides shows in them, and what is left is smoother: it gets no coordinate then.
#include "tuner/search/model/transfer.h"
#include "tuner/search/strategies/record.h"
#include "tuner/search/strategies/strategies.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

namespace tuned {
namespace {

constexpr size_t kStart = 4;         ///< by chance, before there is a model, where there is no history
constexpr size_t kFirstGuesses = 4;  ///< from history, before there is a model
constexpr size_t kByChance = 4;      ///< one of so many is by chance while nothing is timed yet
constexpr int64_t kSpilt = 64;       ///< bytes a thread that make a build one of the slow, until it is timed
constexpr size_t kPool = 700;        ///< candidates kept
constexpr size_t kPoolMost = 900;    ///< between
constexpr size_t kNewcomers = 16;    ///< candidates by chance that join at each proposal
constexpr size_t kBestFew = 5;       ///< whose neighbours are candidates
constexpr size_t kFromHistory = 100; ///< candidates that histories promise
constexpr size_t kTraining = 300;    ///< points of the model after it was made anew; at most kTrainingMost
constexpr size_t kTrainingMost = 400;
constexpr size_t kFitted = 100; ///< points that its scales are fitted to
constexpr double kRefit = 1.25; ///< growth of what is known before the scales are fitted again
constexpr double kSlow = 0.8;   ///< quantile of times from which all count as alike
constexpr size_t kDescent = 4;
constexpr size_t kWindow = 40,
                 kWindowShare = 3; ///< a search is judged by its last 40 observations, or its last third
constexpr size_t kGainsKept = 6;   ///< expected gains remembered

class Surrogate : public Strategy {
public:
  explicit Surrogate(const Study& study)
      : space_(study.space), record_(study.space, study.seed),
        transfer_(study.space, study.history, record_.generator()),
        model_(study.space.parameters(), transfer_.empty()) {
    if (!transfer_.empty()) guesses_ = transfer_.promising(kFromHistory);
  }

  std::vector<size_t> propose(size_t count) override {
    return record_.take(count, [this] { return next(); });
  }

  /// A build that spills where others do not is taken to be slow, so that its neighbours wait.
  void compiled(size_t position, const Resources& resources) override {
    if (resources.spillBytes < 0) return;
    leastSpilt_ = std::min(leastSpilt_, resources.spillBytes);
    auto waiting = pending_.find(position);
    if (waiting != pending_.end() && resources.spillBytes >= leastSpilt_ + kSpilt) waiting->second = slow_;
  }

  void observe(const Observation& observation) override {
    record_.observe(observation);
    trace_.push_back(record_.best() ? *record_.best()->seconds : 0);
    if (!observation.seconds) failures_ = true;
    pending_.erase(observation.position);
    if (fitted_ > 0 && inModel_.insert(observation.position).second) learn(observation.position);
  }

  std::optional<double> expectedGain() const override {
    // The model alone is too sure of itself: what it has not thought of has no expected improvement. So going
    // on is taken to gain at least what it gained lately.
    const size_t window = std::max(kWindow, trace_.size() / kWindowShare);
    if (gains_.size() < kGainsKept || trace_.size() <= window) return std::nullopt;
    const double before = trace_[trace_.size() - 1 - window], now = trace_.back();
    if (before <= 0) return std::nullopt;
    return std::max(*std::ranges::max_element(gains_), 1 - now / before);
  }

private:
  struct Pooled {
    size_t position;
    GaussianProcess::Candidate candidate;
    double prior;
  };

  size_t next() {
    const size_t known = record_.observations().size();
    if (transfer_.empty() ? record_.count() < kStart : given_ < kFirstGuesses)
      if (auto guess = firstGuess()) return *guess;
    // Nothing is timed yet, and more is wanted at a time.
    if (!record_.best()) {
      if (++early_ % kByChance != 0)
        if (auto guess = firstGuess()) return *guess;
      return record_.fresh();
    }
    if (fitted_ == 0 || static_cast<double>(known) >= kRefit * static_cast<double>(fitted_))
      refit(true);
    else if (model_.size() >= kTrainingMost)
      refit(false);
    fillPool();
    if (pool_.empty()) return record_.fresh();
    return pick();
  }

  /// What histories promise, in turn; without any a point by chance. Nothing: all they promise is taken.
  std::optional<size_t> firstGuess() {
    if (transfer_.empty()) return record_.fresh();
    for (; given_ < guesses_.size(); ++given_)
      if (!record_.taken(guesses_[given_])) return guesses_[given_++];
    given_ = std::max(given_, kFirstGuesses);
    return std::nullopt;
  }

  double prior(size_t position) const { return transfer_.empty() ? 0 : transfer_.at(position); }

  void learn(size_t position) {
    training_.push_back(position);
    priors_.push_back(prior(position));
    model_.add(model_.pointOf(space_.row(position)));
  }

  /// The logarithm of the time from which all count as slow.
  void findSlow() {
    std::vector<double> logs;
    for (const Observation& each : record_.observations())
      if (each.seconds) logs.push_back(std::log(*each.seconds));
    if (logs.empty()) return;
    auto slow = logs.begin() + static_cast<long>(kSlow * static_cast<double>(logs.size()));
    std::ranges::nth_element(logs, slow);
    slow_ = *slow;
  }

  double targetOf(const Observation& observation) const {
    if (!observation.seconds) return slow_;
    const double time = std::log(*observation.seconds);
    return observation.censored ? std::max(time, slow_) : std::min(time, slow_);
  }

  /// The model anew: which points it has, and its scales when `fit`.
  void refit(bool fit) {
    const auto& observations = record_.observations();
    findSlow();
    if (!transfer_.empty()) transfer_.weigh(observations);
    auto chosen = choose(kTraining);
    if (fit) {
      fitted_ = observations.size();
      findFactor(chosen);
      auto some = chosen.size() > kFitted ? choose(kFitted) : chosen;
      std::vector<GaussianProcess::Point> points;
      std::vector<double> targets;
      double mean = 0;
      for (size_t i : some) {
        points.push_back(model_.pointOf(space_.row(observations[i].position)));
        targets.push_back(targetOf(observations[i]) - factor_ * prior(observations[i].position));
        mean += targets.back() / static_cast<double>(some.size());
      }
      for (double& target : targets)
        target -= mean;
      model_.fit(points, targets, record_.generator());
    }
    model_.clear();
    training_.clear();
    priors_.clear();
    inModel_.clear();
    for (size_t i : chosen)
      if (inModel_.insert(observations[i].position).second) learn(observations[i].position);
    std::vector<size_t> waiting;
    for (const auto& [position, value] : pending_)
      waiting.push_back(position);
    std::ranges::sort(waiting);
    for (size_t position : waiting)
      if (inModel_.insert(position).second) learn(position);
    for (Pooled& each : pool_) {
      each.candidate.solved.clear();
      each.candidate.variance = 1;
      each.prior = prior(each.position);
    }
  }

  /// At most `count` of the observations: the fastest half, the others by chance.
  std::vector<size_t> choose(size_t count) {
    const auto& observations = record_.observations();
    std::vector<size_t> order(observations.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    if (order.size() <= count) return order;
    std::ranges::stable_sort(order, {}, [&](size_t i) { return targetOf(observations[i]); });
    for (size_t i = count / 2; i < count; ++i)
      std::swap(order[i], order[i + record_.below(order.size() - i)]);
    order.resize(count);
    std::ranges::sort(order);
    return order;
  }

  /// How far the histories' differences hold here: least squares with 1 expected.
  void findFactor(const std::vector<size_t>& chosen) {
    if (transfer_.empty()) return;
    constexpr double belief = 0.3;
    const auto& observations = record_.observations();
    double meanPrior = 0, meanTarget = 0, products = belief, squares = belief;
    const auto n = static_cast<double>(chosen.size());
    for (size_t i : chosen) {
      meanPrior += prior(observations[i].position) / n;
      meanTarget += targetOf(observations[i]) / n;
    }
    for (size_t i : chosen) {
      const double p = prior(observations[i].position) - meanPrior;
      products += p * (targetOf(observations[i]) - meanTarget);
      squares += p * p;
    }
    factor_ = std::clamp(products / squares, 0.0, 1.5);
  }

  void addToPool(size_t position) {
    if (record_.taken(position) || !inPool_.insert(position).second) return;
    pool_.push_back({position, {model_.pointOf(space_.row(position)), {}, 1}, prior(position)});
  }

  void fillPool() {
    std::erase_if(pool_, [&](const Pooled& each) {
      if (!record_.taken(each.position)) return false;
      inPool_.erase(each.position);
      return true;
    });
    for (const Observation& each : record_.fastest(kBestFew))
      if (expanded_.insert(each.position).second)
        for (size_t position : record_.untried(each.position))
          addToPool(position);
    if (!guessesPooled_) {
      for (size_t position : guesses_)
        addToPool(position);
      guessesPooled_ = true;
    }
    const size_t wanted = std::max(kPool, pool_.size() + kNewcomers);
    for (size_t tries = 0; pool_.size() < wanted && tries < 2 * wanted; ++tries) {
      const size_t position = record_.fresh();
      if (position == space_.size()) break;
      addToPool(position);
    }
    for (Pooled& each : pool_)
      model_.update(each.candidate);
  }

  /// The best candidate; the worst leave the pool when it is too large.
  size_t pick() {
    std::vector<double> targets, works;
    double mean = 0, working = 0;
    const auto n = static_cast<double>(training_.size());
    for (size_t i = 0; i < training_.size(); ++i) {
      double target = 0, valid = 1;
      if (auto waiting = pending_.find(training_[i]); waiting != pending_.end()) {
        target = waiting->second;
      } else if (const Observation* observation = record_.find(training_[i])) {
        target = targetOf(*observation);
        valid = observation->seconds ? 1 : 0;
      }
      targets.push_back(target - factor_ * priors_[i]);
      works.push_back(valid);
      mean += targets.back() / n;
      working += valid / n;
    }
    for (double& target : targets)
      target -= mean;
    for (double& valid : works)
      valid -= working;
    const auto weights = model_.weights(targets);
    const auto validity = failures_ ? model_.weights(works) : std::vector<float>();
    double variance = 0;
    for (float weight : weights)
      variance += static_cast<double>(weight) * weight / n;
    variance = std::max(variance, 1e-10);

    const double best = std::log(*record_.best()->seconds);
    std::unordered_set<size_t> near;
    if (++asked_ % kDescent == 0)
      for (size_t position : record_.untried(record_.best()->position))
        near.insert(position);
    // The best of those that are open to this proposal, or when the pool has none of them, of all.
    std::optional<size_t> chosen, any;
    std::vector<double> scores(pool_.size()), means(pool_.size());
    double gain = 0;
    for (size_t i = 0; i < pool_.size(); ++i) {
      const Pooled& each = pool_[i];
      const double expected = mean + factor_ * each.prior + GaussianProcess::mean(each.candidate, weights);
      const double deviation = std::sqrt(std::max(each.candidate.variance, 1e-9) * variance);
      double score = logImprovement(best - expected, deviation);
      if (failures_)
        score += std::log(std::clamp(working + GaussianProcess::mean(each.candidate, validity), 0.01, 1.0));
      scores[i] = score;
      means[i] = expected;
      gain = std::max(gain, std::exp(score));
      const bool open = near.empty() || near.contains(each.position);
      if (open && (!chosen || score > scores[*chosen])) chosen = i;
      if (!any || score > scores[*any]) any = i;
    }
    if (!chosen) chosen = any;
    if (gains_.size() == kGainsKept) gains_.erase(gains_.begin());
    gains_.push_back(gain);
    const size_t position = pool_[*chosen].position;
    pending_[position] = std::min(means[*chosen], slow_);
    if (inModel_.insert(position).second) learn(position);
    if (pool_.size() > kPoolMost) shrink(scores);
    return position;
  }

  void shrink(const std::vector<double>& scores) {
    std::vector<size_t> order(pool_.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::ranges::nth_element(order, order.begin() + kPool, std::greater(),
                             [&](size_t i) { return scores[i]; });
    std::vector<Pooled> kept;
    std::ranges::sort(order.begin(), order.begin() + kPool);
    for (size_t i = 0; i < order.size(); ++i) {
      if (i < kPool)
        kept.push_back(std::move(pool_[order[i]]));
      else
        inPool_.erase(pool_[order[i]].position);
    }
    pool_ = std::move(kept);
  }

  /// The logarithm of the expected improvement of a normal value that is `gain` below the best on average.
  static double logImprovement(double gain, double deviation) {
    const double z = gain / deviation;
    if (z < -25) return std::log(deviation) - 0.5 * z * z - 2 * std::log(-z) - 0.919; // its asymptote
    const double density = std::exp(-0.5 * z * z) * 0.39894228, below = 0.5 * std::erfc(-z * 0.70710678);
    return std::log(std::max(gain * below + deviation * density, 1e-300));
  }

  Space& space_;
  Record record_;
  Transfer transfer_;
  GaussianProcess model_;
  std::vector<size_t> guesses_; ///< from histories, the most promising first
  size_t given_ = 0, early_ = 0, asked_ = 0;
  bool guessesPooled_ = false, failures_ = false;

  std::vector<size_t> training_; ///< positions in the model, in its order
  std::vector<double> priors_;   ///< of these
  std::unordered_set<size_t> inModel_;
  std::unordered_map<size_t, double> pending_; ///< proposed and not observed: what the model expects
  size_t fitted_ = 0;                          ///< observations when scales were fitted last
  double slow_ = 0, factor_ = 1;
  int64_t leastSpilt_ = std::numeric_limits<int64_t>::max() - kSpilt; ///< of any build, bytes a thread

  std::vector<Pooled> pool_;
  std::unordered_set<size_t> inPool_, expanded_;
  std::vector<double> trace_; ///< the best time after each observation; 0: none
  std::vector<double> gains_; ///< largest expected improvements of the last proposals
};

} // namespace

std::unique_ptr<Strategy> makeSurrogate(const Study& study) {
  return std::make_unique<Surrogate>(study);
}

} // namespace tuned
