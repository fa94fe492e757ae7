#include "daemon/service/studies/study.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace tuned {
namespace {

constexpr size_t kLongestName = 128, kWaiting = 4096, kParameters = 64, kValues = 4096;
constexpr int64_t kAsked = 256;

std::unexpected<Error> invalid(const std::string& message, const std::string& remedy = {}) {
  return fail(ErrorKind::InvalidInput, message, remedy);
}

/// The study's space as that of a kernel without a body.
Result<Kernel> kernelOf(const protocol::StudyRequest& request) {
  if (request.name.empty() || request.name.size() > kLongestName)
    return invalid("name: a name of 1 to " + std::to_string(kLongestName) + " characters is needed");
  if (request.parameters.empty())
    return invalid("parameters: there are none", "name at least one, with its values");
  if (request.parameters.size() > kParameters)
    return invalid("parameters: there are more than " + std::to_string(kParameters));
  if (request.objective) {
    double sum = 0;
    for (const auto& [name, weight] : *request.objective) {
      if (!std::isfinite(weight) || weight < 0)
        return invalid("objective." + name + " is no weight", "weights are finite and at least 0");
      sum += weight;
    }
    if (!(sum > 0)) return invalid("objective: there is no weight above 0");
    if (!std::isfinite(sum)) return invalid("objective: the sum of the weights is not finite");
  }
  Kernel kernel;
  kernel.name = request.name;
  kernel.defaults = request.defaults;
  for (const auto& [name, value] : request.sizes) {
    if (value < 1) return invalid("sizes." + name + " is " + std::to_string(value) + "; sizes start at 1");
    if (request.parameters.contains(name)) return invalid("'" + name + "' is a size and a parameter");
    kernel.sizes.push_back(name);
  }
  for (const auto& [name, values] : request.parameters) {
    if (values.empty() || values.size() > kValues)
      return invalid("parameters." + name + " has " + std::to_string(values.size()) + " values",
                     "give 1 to " + std::to_string(kValues));
    if (std::set<int64_t>(values.begin(), values.end()).size() != values.size())
      return invalid("parameters." + name + " has a value twice");
    kernel.parameters.push_back({name, values});
    auto standard = request.defaults.find(name);
    if (request.defaults.empty()) continue;
    if (standard == request.defaults.end()) return invalid("default: '" + name + "' is missing");
    if (std::ranges::find(values, standard->second) == values.end())
      return invalid("default." + name + " is " + std::to_string(standard->second) +
                     ", which is none of its values");
  }
  for (const auto& [name, value] : request.defaults)
    if (!request.parameters.contains(name)) return invalid("default: there is no parameter '" + name + "'");
  for (const std::string& text : request.constraints) {
    auto constraint = Expression::parse(text);
    if (!constraint) return fail(constraint.error());
    for (const std::string& name : constraint->names())
      if (!request.parameters.contains(name) && !request.sizes.contains(name))
        return invalid("constraint `" + text + "`: '" + name + "' is neither a parameter nor a size");
    kernel.constraints.push_back(std::move(*constraint));
  }
  return kernel;
}

} // namespace

Result<std::unique_ptr<OpenStudy>> OpenStudy::open(std::string id, const protocol::StudyRequest& request,
                                                   const std::vector<ToldPoint>& known,
                                                   std::vector<History> histories) {
  auto kernel = kernelOf(request);
  if (!kernel) return fail(kernel.error());
  auto effort = effortNamed(request.effort);
  if (!effort) return fail(effort.error());
  if (!request.strategy.empty())
    if (auto there = checkStrategy(request.strategy); !there) return fail(there.error());
  auto space = Space::enumerate(*kernel, request.sizes);
  if (!space) return fail(space.error());
  std::unique_ptr<OpenStudy> study(new OpenStudy(std::move(id), request, std::move(*space)));
  study->worth_ = effort->worth;
  study->strategyName_ =
      request.strategy.empty() ? strategyFor(*effort, study->space_.total()) : request.strategy;
  auto strategy = makeStrategy(study->strategyName_,
                               {study->space_, request.seed ? request.seed : 1, std::move(histories)});
  if (!strategy) return fail(strategy.error());
  study->strategy_ = std::move(*strategy);
  for (const ToldPoint& point : known)
    if (const size_t position = study->space_.find(point.configuration); position < study->space_.size())
      study->take(position, point.value);
  if (const size_t standard = study->space_.find(request.defaults); standard < study->space_.size())
    if (std::ranges::none_of(known,
                             [&](const ToldPoint& point) { return point.configuration == request.defaults; }))
      study->first_ = standard;
  return study;
}

void OpenStudy::take(size_t position, std::optional<double> value) {
  told_.push_back({space_.configuration(position), value});
  if (value && (!best_ || *value < *told_[*best_].value)) best_ = told_.size() - 1;
  strategy_->observe({position, value, false});
}

Result<std::vector<protocol::Proposal>> OpenStudy::ask(int64_t count) {
  if (count < 1 || count > kAsked) return invalid("count is " + std::to_string(count), "ask for 1 to 256");
  if (waiting_.size() + static_cast<size_t>(count) > kWaiting)
    return fail(ErrorKind::OutOfResources,
                std::to_string(waiting_.size()) + " proposals wait for what came of them", "tell first");
  std::vector<size_t> positions;
  std::set<size_t> under;
  for (const auto& [number, position] : waiting_)
    under.insert(position);
  if (first_) positions.push_back(*std::exchange(first_, std::nullopt));
  under.insert(positions.begin(), positions.end());
  while (positions.size() < static_cast<size_t>(count)) {
    const auto more = strategy_->propose(static_cast<size_t>(count) - positions.size());
    for (size_t position : more)
      if (under.insert(position).second) positions.push_back(position);
    if (more.empty()) break;
  }
  drained_ = positions.empty() && waiting_.empty();
  std::vector<protocol::Proposal> out;
  for (size_t position : positions) {
    waiting_[next_] = position;
    out.push_back({next_++, space_.configuration(position)});
  }
  return out;
}

Result<void> OpenStudy::check(const std::vector<protocol::Told>& results) const {
  std::set<int64_t> numbers;
  for (const protocol::Told& each : results) {
    const std::string which = "proposal " + std::to_string(each.number);
    if (!numbers.insert(each.number).second) return invalid(which + " is told twice");
    if (!waiting_.contains(each.number))
      return invalid(each.number >= 1 && each.number < next_ ? which + " was told before"
                                                             : which + " was never asked of this study",
                     "tell what an ask of this study gave, once");
    const bool valued = each.value || each.values;
    if (valued && !each.failure.empty()) return invalid(which + " has a value and a failure");
    if (each.values && !objective_)
      return invalid(which + " has values by name, and the study has no objective");
    if (each.value && objective_)
      return invalid(which + " has one value",
                     "tell values by name, those that the study's objective weighs");
    if (each.values)
      if (auto good = checkValues(which, *each.values); !good) return good;
    if (!valued && each.failure.empty())
      return invalid(which + " has neither a value nor a failure", "say in failure why there is no value");
    if (each.value && (!std::isfinite(*each.value) || *each.value <= 0))
      return invalid(which + ": value is " + std::to_string(*each.value) +
                         "; it has to be positive and finite",
                     "tell a failure when there is no such value");
  }
  return {};
}

Result<void> OpenStudy::checkValues(const std::string& which,
                                    const std::map<std::string, double>& values) const {
  for (const auto& [name, weight] : *objective_) {
    const auto value = values.find(name);
    if (value == values.end()) return invalid(which + " lacks '" + name + "', which the objective weighs");
    if (!std::isfinite(value->second) || value->second <= 0)
      return invalid(which + ": values." + name + " is " + std::to_string(value->second) +
                         "; it has to be positive and finite",
                     "tell a failure when there is no such value");
  }
  return {};
}

std::optional<double> OpenStudy::valueOf(const protocol::Told& told) const {
  if (!told.values) return told.value;
  // Of many as of two: what is weighed already, and the next.
  double mean = 1, weights = 0;
  for (const auto& [name, weight] : *objective_) {
    mean = Objective{weights, weight}.of(mean, told.values->at(name)).value_or(mean);
    weights += weight;
  }
  return mean;
}

Result<void> OpenStudy::tell(const std::vector<protocol::Told>& results) {
  if (auto good = check(results); !good) return good;
  for (const protocol::Told& each : results) {
    take(waiting_.at(each.number), valueOf(each));
    waiting_.erase(each.number);
  }
  return {};
}

protocol::StudyInfo OpenStudy::info() const {
  protocol::StudyInfo out;
  out.id = id_;
  out.name = name_;
  out.strategy = strategyName_;
  out.configurations = space_.total();
  out.sampled = space_.sampled();
  out.told = static_cast<int64_t>(told_.size());
  out.waiting = static_cast<int64_t>(waiting_.size());
  if (best_) out.best = protocol::StudyBest{told_[*best_].configuration, *told_[*best_].value};
  out.expectedGain = strategy_->expectedGain();
  const bool all = !out.sampled && told_.size() >= space_.size();
  out.finished = drained_ || all || (best_ && out.expectedGain && *out.expectedGain < worth_);
  return out;
}

} // namespace tuned
