// Launches that break a condition of the winner: what they are answered with.
#include "daemon/service/answers/convert.h"
#include "daemon/service/answers/question.h"
#include "daemon/service/service.h"

#include <spdlog/spdlog.h>

namespace tuned {

/// Chosen among measurements, as every answer. Where none fits, builds for any address are measured behind,
/// and meanwhile the first of them that compiles is the answer, as it is.
Result<BestResult> Service::bestWithout(const Resolved& what, const protocol::BestRequest& request,
                                        unsigned user) {
  const Kernel& kernel = *what.kernel.kernel;
  auto sizes = fromKey(what.problem.sizes);
  if (!sizes) return fail(sizes.error());
  auto record = store_->choose(what.problem, [&](const store::MeasurementRecord& one) {
    return answersWithout(kernel, *sizes, one, request.without, request.objective.value_or(Objective()));
  });
  if (!record && record.error().kind != ErrorKind::NotFound) return fail(record.error());
  if (record && store_->artefact(record->build.build.artefact)) {
    auto answer = told(what, *record);
    if (!answer) return fail(answer.error());
    ++metrics_.hits;
    return BestResult{std::move(*answer), nullptr, {}};
  }
  ++metrics_.misses;
  auto wanted = anyAddressConfigurations(*store_, what.problem, kernel, *sizes);
  // What was measured and is no answer failed.
  if (!record)
    std::erase_if(wanted, [&](const Configuration& configuration) {
      return store_->standingOf(what.problem, toKey(configuration)).has_value();
    });
  const std::string broken = "a launch breaks what the known builds of " + kernel.name + " need, that " +
                             text(request.without.front());
  if (wanted.empty())
    return fail(ErrorKind::Faulted, broken + ", and no build for any address is right", "see the trials");
  spdlog::info("{}; one for any address is sought", broken);
  BestResult out;
  if (request.tune && !store_->readOnly()) {
    protocol::TuneRequest tuning;
    tuning.budget = request.budget;
    tuning.device = request.device;
    tuning.anyAddress = true;
    auto started = start(what, tuning, user);
    // A device that cannot be had now takes no answer away.
    if (!started && started.error().kind != ErrorKind::Unavailable) return fail(started.error());
    if (started) out.job = *started;
  }
  store::ProblemKey asked = what.problem;
  asked.kernel += questionOf(kernel) + kAnyAddress;
  auto known = provisional_.answer(asked);
  Result<protocol::Answer> answer =
      known ? Result<protocol::Answer>(*known) : fail(ErrorKind::NotFound, broken);
  for (size_t i = 0; i < wanted.size() && !answer; ++i)
    answer = compiled(what, asked, wanted[i], "default");
  if (!answer) return fail(answer.error());
  out.answer = std::move(*answer);
  if (out.job) out.answer.job = out.job->spec().id;
  return out;
}

} // namespace tuned
