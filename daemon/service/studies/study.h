// One search by ask and tell: a space, a strategy, and which proposals wait for what came of them.
#pragma once

#include "client/protocol/study.h"
#include "tuner/search/effort.h"
#include "tuner/search/strategy.h"

#include <map>

namespace tuned {

/// A point that was told, in this run or an earlier one.
struct ToldPoint {
  Configuration configuration;
  std::optional<double> value; ///< nothing: it failed
};

/// Not safe from several threads: whoever holds it guards it.
class OpenStudy {
public:
  /// InvalidInput says which key is wrong: a name that is empty or too long, no parameters, a value that
  /// stands twice, a constraint that cannot be parsed or names nothing that is known, a space without a
  /// configuration. NotFound: no such strategy. `known` was told before, `histories` belong to other sizes
  /// and devices.
  static Result<std::unique_ptr<OpenStudy>> open(std::string id, const protocol::StudyRequest& request,
                                                 const std::vector<ToldPoint>& known,
                                                 std::vector<History> histories);

  Result<std::vector<protocol::Proposal>> ask(int64_t count);
  /// All are taken, or none. InvalidInput: a number that was never proposed or was told before, or stands
  /// twice; a value that is not positive and finite; a failure beside a value; neither of both; values
  /// without an objective, a value in place of those that it names, one of these missing.
  Result<void> tell(const std::vector<protocol::Told>& results);
  protocol::StudyInfo info() const;
  const std::vector<ToldPoint>& told() const { return told_; }

private:
  OpenStudy(std::string id, const protocol::StudyRequest& request, Space space)
      : id_(std::move(id)), name_(request.name), objective_(request.objective), space_(std::move(space)) {}
  Result<void> check(const std::vector<protocol::Told>& results) const;
  Result<void> checkValues(const std::string& which, const std::map<std::string, double>& values) const;
  void take(size_t position, std::optional<double> value);
  /// What is made small, of what was told; nothing: it failed, or lacks a value that the objective names.
  std::optional<double> valueOf(const protocol::Told& told) const;

  const std::string id_, name_;
  const std::optional<std::map<std::string, double>> objective_; ///< weights by name
  std::string strategyName_;
  Space space_;
  std::unique_ptr<Strategy> strategy_;
  double worth_ = 0;
  std::optional<size_t> first_; ///< the default, until it was proposed
  std::map<int64_t, size_t> waiting_;
  int64_t next_ = 1;
  bool drained_ = false; ///< the strategy had no more while nothing was waiting
  std::vector<ToldPoint> told_;
  std::optional<size_t> best_; ///< in told_
};

} // namespace tuned
