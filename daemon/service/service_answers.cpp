// The answer to a question, told from what was measured.
#include "daemon/service/answers/convert.h"
#include "daemon/service/answers/question.h"
#include "daemon/service/service.h"

#include <algorithm>
#include <cmath>

namespace tuned {

/// The best measurement that answers what is asked now. NotFound: none.
Result<store::MeasurementRecord> Service::chosen(const Resolved& what) {
  auto sizes = fromKey(what.problem.sizes);
  if (!sizes) return fail(sizes.error());
  auto fits = [&](const store::MeasurementRecord& record) {
    return answers(*what.kernel.kernel, *sizes, record, what.objective);
  };
  if (what.objective.timeAlone()) return store_->choose(what.problem, fits);
  // Whatever was measured with energy serves all weights.
  auto records = store_->standing(what.problem);
  if (!records) return fail(records.error());
  const store::MeasurementRecord* least = nullptr;
  double value = INFINITY;
  for (const store::MeasurementRecord& record : *records) {
    const Measurement& m = record.measurement;
    if (m.outcome != "timed" || m.abandoned || !record.source.empty() || !fits(record)) continue;
    const double its = what.objective.of(m.seconds.value_or(0), m.joules).value_or(INFINITY);
    if (its < value) value = its, least = &record;
  }
  if (least) return *least;
  return fail(ErrorKind::NotFound, "no winner is known for this problem and objective");
}

/// The answer that a measurement gives, with what the search around it knew.
Result<protocol::Answer> Service::told(const Resolved& what, const store::MeasurementRecord& record) {
  const Kernel& kernel = *what.kernel.kernel;
  auto sizes = fromKey(what.problem.sizes);
  if (!sizes) return fail(sizes.error());
  auto answer = answerFrom(kernel, *sizes, record);
  if (!answer) return answer;
  answer->device = what.device->info.id;
  store::ProblemKey measured = what.problem;
  measured.target = record.target;
  if (auto search = store_->lastSearch(measured); search && search->space > 0)
    answer->coverage = std::min(1.0, static_cast<double>(search->tried) / static_cast<double>(search->space));
  auto standard = store_->standingOf(measured, toKey(kernel.defaults), policyOf(what.objective));
  // Of two times one of which was disturbed nothing is told.
  const auto disturbed = [](const store::MeasurementRecord& one) { return !one.measurement.reason.empty(); };
  if (standard && standard->measurement.seconds && answer->seconds.value_or(0) > 0 &&
      disturbed(*standard) == disturbed(record)) {
    const auto its = what.objective.of(*standard->measurement.seconds, standard->measurement.joules);
    const auto ours = what.objective.of(*answer->seconds, answer->joules);
    if (its && ours) answer->gain = *its / *ours;
  }
  return answer;
}

Result<protocol::Answer> Service::tell(const Job& job) {
  auto on = device(job.device());
  if (!on) return fail(on.error());
  const Resolved what{{job.spec().problem.kernel, "", "", job.spec().kernel},
                      *on,
                      job.spec().problem,
                      job.spec().request.objective.value_or(Objective())};
  auto record = chosen(what);
  if (!record) return fail(record.error());
  return told(what, *record);
}

/// The winner for the problem, checked; or a stale one, with stale set. NotFound otherwise.
Result<BestResult> Service::stored(const Resolved& what) {
  const Kernel& kernel = *what.kernel.kernel;
  auto winner = chosen(what);
  const bool stale = !winner && winner.error().kind == ErrorKind::NotFound && what.objective.timeAlone();
  if (stale) {
    auto sizes = fromKey(what.problem.sizes);
    if (!sizes) return fail(sizes.error());
    winner = store_->chooseStale(what.problem, what.device->target.hardware, [&](const auto& record) {
      return holdsUnder(kernel, record.measurement.verdict) != Holds::No &&
             inSpace(kernel, record.measurement.configuration, *sizes);
    });
  }
  if (!winner) return fail(winner.error());
  if (auto sound = store_->artefact(winner->build.build.artefact); !sound) {
    dropHits();
    return fail(sound.error());
  }
  auto answer = told(what, *winner);
  if (!answer) return fail(answer.error());
  answer->stale = stale;
  if (stale && holdsUnder(kernel, answer->verdict) != Holds::Yes) {
    answer->verdict.state = "unchecked";
    answer->verdict.reason = "judged by another tolerance; it is checked again behind";
  }
  auto behind = jobs_.of(what.problem, what.kernel.sha, what.objective);
  if (behind) answer->job = behind->spec().id;
  return BestResult{std::move(*answer), behind, {}};
}

} // namespace tuned
