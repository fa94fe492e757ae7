// The part of the store that keeps how searches went.
#include "base/clock.h"
#include "base/model/json.h"
#include "daemon/store/attempt.h"
#include "daemon/store/rows.h"

namespace tuned::store {

Result<int64_t> Store::beginSearch(const SearchRecord& search) {
  return change([&] {
    Changes changes(*database_);
    run(*database_,
        "INSERT INTO searches(problem, target, job, document, question, strategy, space, tried, stopped, "
        "failure, "
        "phases, began, ended) VALUES(?, ?, ?, ?, ?, ?, ?, 0, '', '', '{}', ?, 0)",
        writeProblem(*database_, search.problem.kernel, search.problem.sizes), search.problem.target,
        search.job, search.document, search.question, search.strategy, search.space, unixNow());
    const int64_t id = database_->getLastInsertRowid();
    changes.commit();
    return id;
  });
}

Result<void> Store::endSearch(const SearchRecord& search) {
  return change([&] {
    run(*database_,
        "UPDATE searches SET space = ?, tried = ?, stopped = ?, failure = ?, phases = ?, ended = ? WHERE id "
        "= ?",
        search.space, search.tried, search.stopped, search.failure, model::dump(model::toJson(search.phases)),
        unixNow(), search.id);
  });
}

Result<SearchRecord> Store::lastSearch(const ProblemKey& problem, const std::string& question) {
  auto found = attempt([&]() -> std::optional<SearchRecord> {
    auto row =
        query(*database_,
              "SELECT s.id, s.job, s.document, s.question, s.strategy, s.space, s.tried, s.stopped, "
              "s.failure, s.phases, s.began, s.ended FROM searches s WHERE s.problem = (SELECT id FROM "
              "problems WHERE kernel = ? AND sizes = ?) AND s.target = ? AND s.ended > 0 AND "
              "(?4 = '' OR s.question = ?4) ORDER BY s.id DESC LIMIT 1",
              problem.kernel, problem.sizes, problem.target, question);
    if (!row.executeStep()) return std::nullopt;
    SearchRecord out{number(row, 0), problem,        text(row, 1), text(row, 2), text(row, 3), text(row, 4),
                     number(row, 5), number(row, 6), text(row, 7), text(row, 8), {},           real(row, 10),
                     real(row, 11)};
    if (auto phases = model::fromText<std::map<std::string, double>>(text(row, 9))) out.phases = *phases;
    return out;
  });
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorKind::NotFound, "no search of this problem has ended");
  return std::move(**found);
}

} // namespace tuned::store
