#include "tuner/search/model/transfer.h"

#include <algorithm>
#include <cmath>

namespace tuned {
namespace {

constexpr size_t kModelled = 120; ///< points of a history that its model is made of
constexpr size_t kCompared = 60;  ///< observations whose ranking is looked at

} // namespace

Transfer::Transfer(const Space& space, const std::vector<History>& histories, std::mt19937_64& generator)
    : space_(space) {
  for (const History& history : histories) {
    Task task{{}, GaussianProcess(space.parameters()), {}, 0, 1, 1, 0};
    std::vector<double> logs;
    std::vector<size_t> failed;
    for (const History::Point& point : history.points) {
      const size_t position = space.find(point.configuration);
      if (position == space.size()) continue;
      if (point.seconds && std::isfinite(*point.seconds) && *point.seconds > 0) {
        logs.push_back(std::log(*point.seconds));
        task.behind[position] = logs.back();
      } else {
        failed.push_back(position);
      }
    }
    if (logs.size() < 2) continue;
    std::ranges::sort(logs);
    // The slower half is as good as the middle: how slow it is there says nothing of the fast here.
    task.worst = logs[logs.size() / 2] - logs.front();
    for (auto& [position, value] : task.behind)
      value = std::min(value - logs.front(), task.worst);
    for (size_t position : failed)
      task.behind.emplace(position, task.worst);

    if (task.behind.size() < space.size()) {
      // The best half of the points it may have, the others by chance.
      std::vector<std::pair<double, size_t>> order;
      for (const auto& [position, value] : task.behind)
        order.emplace_back(value, position);
      std::ranges::sort(order);
      for (size_t i = kModelled / 2; i < std::min(kModelled, order.size()); ++i)
        std::swap(order[i], order[i + static_cast<size_t>(generator() % (order.size() - i))]);
      order.resize(std::min(kModelled, order.size()));
      std::vector<GaussianProcess::Point> points;
      std::vector<double> targets;
      for (const auto& [value, position] : order) {
        points.push_back(task.model.pointOf(space.row(position)));
        targets.push_back(value);
        task.mean += value / static_cast<double>(order.size());
      }
      for (double& target : targets)
        target -= task.mean;
      task.model.fit(points, targets, generator);
      for (GaussianProcess::Point& point : points)
        task.model.add(std::move(point));
      task.weights = task.model.weights(targets);
    }
    task.prior = task.weight = 1 / (1 + history.distance * history.distance);
    tasks_.push_back(std::move(task));
  }
}

double Transfer::predict(const Task& task, size_t position) const {
  if (auto known = task.behind.find(position); known != task.behind.end()) return known->second;
  GaussianProcess::Candidate candidate{task.model.pointOf(space_.row(position)), {}, 1};
  task.model.update(candidate);
  const double mean = task.mean + GaussianProcess::mean(candidate, task.weights);
  return std::clamp(mean, 0.0, task.worst);
}

double Transfer::at(size_t position) const {
  double sum = 0, weights = 1e-9;
  for (const Task& task : tasks_) {
    if (task.weight < 1e-3) continue;
    sum += task.weight * predict(task, position);
    weights += task.weight;
  }
  return sum / weights;
}

/// The share of pairs that the history orders as they are ordered here; 0.5 is chance.
double Transfer::ranking(const Task& task, const std::vector<Observation>& observations, const Transfer& of) {
  std::vector<std::pair<double, double>> both;
  for (size_t i = observations.size() > kCompared ? observations.size() - kCompared : 0;
       i < observations.size(); ++i)
    if (observations[i].seconds)
      both.emplace_back(of.predict(task, observations[i].position), *observations[i].seconds);
  double right = 2, pairs = 2.5; // a few pairs say little: it begins at 0.8
  for (size_t i = 0; i < both.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double there = both[i].first - both[j].first, here = both[i].second - both[j].second;
      if (here == 0) continue;
      right += there == 0 ? 0.5 : (there > 0) == (here > 0);
      ++pairs;
    }
  }
  return right / pairs;
}

void Transfer::weigh(const std::vector<Observation>& observations) {
  for (Task& task : tasks_) {
    const double above = std::max(0.0, ranking(task, observations, *this) - 0.5);
    task.weight = task.prior * above * above * 4;
  }
}

std::vector<size_t> Transfer::promising(size_t count) const {
  std::vector<size_t> out;
  std::map<size_t, double> all;
  auto push = [&](size_t position) {
    if (std::ranges::find(out, position) == out.end()) out.push_back(position);
  };
  for (const Task& task : tasks_) {
    auto first = std::ranges::min_element(task.behind, [](const auto& a, const auto& b) {
      return std::pair(a.second, a.first) < std::pair(b.second, b.first);
    });
    push(first->first);
    std::vector<std::pair<double, size_t>> order;
    for (const auto& [position, value] : task.behind)
      order.emplace_back(value, position);
    const size_t near = std::min(order.size(), count);
    std::ranges::partial_sort(order, order.begin() + static_cast<long>(near));
    for (size_t i = 0; i < near; ++i)
      all[order[i].second] = 0;
  }
  std::vector<std::pair<double, size_t>> order;
  for (const auto& [position, unused] : all)
    order.emplace_back(at(position), position);
  std::ranges::sort(order);
  for (const auto& [value, position] : order)
    push(position);
  if (out.size() > count) out.resize(count);
  return out;
}

} // namespace tuned
