// The part of the store that keeps measurements.
#include "daemon/store/attempt.h"

namespace tuned::store {

Result<int64_t> Store::addTrial(const ProblemKey& problem, const TrialRecord& trial) {
  return attempt([&] {
    Transaction transaction(*database_);
    Statement(*database_,
              "INSERT INTO trials(problem, configuration, outcome, reason, seconds, details, created) "
              "VALUES(?, ?, ?, ?, ?, ?, ?)")
        .bind(problemId(problem))
        .bind(trial.configuration)
        .bind(trial.outcome)
        .bind(trial.reason)
        .bind(trial.seconds)
        .bind(trial.details)
        .bind(now())
        .run();
    int64_t id = database_->lastRow();
    transaction.commit();
    return id;
  });
}

Result<std::vector<TrialRecord>> Store::trials(const ProblemKey& problem) {
  return attempt([&] {
    std::vector<TrialRecord> out;
    Statement row(
        *database_,
        "SELECT configuration, outcome, reason, seconds, details, created FROM trials WHERE id IN "
        "(SELECT max(t.id) FROM trials t JOIN problems p ON p.id = t.problem "
        "WHERE p.kernel = ? AND p.sizes = ? AND p.target = ? GROUP BY t.configuration) ORDER BY id");
    row.bind(problem.kernel).bind(problem.sizes).bind(problem.target);
    while (row.step())
      out.push_back({row.text(0), row.text(1), row.text(2), row.optionalReal(3), row.text(4), row.real(5)});
    return out;
  });
}

Result<std::vector<TrialRow>> Store::listTrials(const std::string& kernel, const std::string& device,
                                                int64_t limit) {
  return attempt([&] {
    std::vector<TrialRow> out;
    Statement row(*database_,
                  "SELECT t.id, p.kernel, p.sizes, p.target, g.device, t.configuration, t.outcome, t.reason, "
                  "t.seconds, "
                  "t.details, t.created FROM trials t JOIN problems p ON p.id = t.problem "
                  "JOIN targets g ON g.id = p.target JOIN kernels k ON k.id = p.kernel "
                  "WHERE (?1 = '' OR p.kernel = ?1 OR k.name = ?1) AND (?2 = '' OR g.device = ?2) "
                  "ORDER BY t.id DESC LIMIT ?3");
    row.bind(kernel).bind(device).bind(limit);
    while (row.step())
      out.push_back(
          {row.number(0),
           {row.text(1), row.text(2), row.text(3)},
           row.text(4),
           {row.text(5), row.text(6), row.text(7), row.optionalReal(8), row.text(9), row.real(10)}});
    return out;
  });
}

} // namespace tuned::store
