// Why this winner: the field, the limits, the judge.
#include "daemon/service/answers/convert.h"
#include "daemon/service/answers/question.h"
#include "daemon/service/limits.h"
#include "daemon/service/service.h"
#include "tuner/search/space.h"

#include <algorithm>
#include <cmath>

namespace tuned {

namespace {
constexpr size_t examples = 5;

std::string ruledOut(const Kernel& kernel, const Sizes& sizes, const Objective& objective,
                     const store::MeasurementRecord& record) {
  const Measurement& measured = record.measurement;
  if (measured.outcome != "timed") return measured.outcome;
  if (!record.source.empty()) return "measured elsewhere: " + record.source;
  if (record.policy != policyOf(objective)) return "timed another way: " + record.policy;
  switch (holdsUnder(kernel, measured.verdict)) {
  case Holds::No:
    return "wrong under the document's tolerance";
  case Holds::Unknown:
    return "judged by another tolerance";
  case Holds::Yes:
    break;
  }
  if (measured.origin.empty() && !inSpace(kernel, measured.configuration, sizes))
    return "not in the document's space";
  return measured.abandoned ? "given up early: clearly slower" : "";
}

std::string judgeOf(const Verdict& verdict) {
  if (verdict.checked == 0) return "nobody: only guards around the buffers were looked at";
  std::string who = verdict.reference == "reference"
                        ? "the evaluator, which shares no code with the compilers"
                    : verdict.reference == "cpu" ? "the CPU backend's build of the same kernel"
                                                 : verdict.reference;
  return who + ": " + std::to_string(verdict.checked) + " of " + std::to_string(verdict.total) +
         " outputs compared";
}

/// Winner first, then by time, then failures.
bool before(const protocol::Candidate& a, const protocol::Candidate& b) {
  auto rank = [](const protocol::Candidate& one) {
    return std::tuple(!one.measurement.seconds.has_value(), !one.ruledOut.empty(), !one.finalist,
                      one.behind.value_or(INFINITY), one.measurement.seconds.value_or(0));
  };
  return rank(a) < rank(b);
}
} // namespace

Result<protocol::Explanation> Service::explain(const protocol::ExplainRequest& request,
                                               const std::string& user) {
  auto what =
      resolve(request.kernel, request.document, request.sizes, request.device, user, request.objective);
  if (!what) return fail(what.error());
  const Kernel& kernel = *what->kernel.kernel;
  auto winner = chosen(*what);
  if (!winner && winner.error().kind == ErrorKind::NotFound)
    return fail(ErrorKind::NotFound,
                "there is no winner to explain for " + kernel.name + " at " + toString(request.sizes) +
                    " on " + what->device->info.id,
                "tune it first; tunectl ls trials shows what was tried");
  if (!winner) return fail(winner.error());
  auto answer = told(*what, *winner);
  if (!answer) return fail(answer.error());
  auto records = store_->standing(what->problem);
  if (!records) return fail(records.error());

  protocol::Explanation out;
  for (const store::MeasurementRecord& record : *records) {
    protocol::Candidate one{
        record.measurement, {}, record.finalist, ruledOut(kernel, request.sizes, what->objective, record)};
    const auto its = what->objective.of(record.measurement.seconds.value_or(0), record.measurement.joules);
    const auto best = what->objective.of(answer->seconds.value_or(0), answer->joules);
    if (record.measurement.seconds && its && best.value_or(0) > 0) one.behind = *its / *best - 1;
    ++out.outcomes[record.measurement.outcome];
    out.field.push_back(std::move(one));
  }
  std::ranges::stable_sort(out.field, before);
  auto first = std::ranges::find_if(out.field, [&](const protocol::Candidate& one) {
    return one.measurement.configuration == answer->configuration &&
           one.measurement.origin == answer->origin && one.measurement.artefact == answer->artefact;
  });
  if (first != out.field.end()) std::rotate(out.field.begin(), first, first + 1);
  // The same binary under another configuration is no rival.
  for (size_t i = 1; i < out.field.size() && !out.runnerUp; ++i)
    if (out.field[i].ruledOut.empty() && out.field[i].measurement.artefact != answer->artefact)
      out.runnerUp = out.field[i];
  out.limits = limitsOf(*answer, what->device->info);
  out.judge = judgeOf(answer->verdict);
  if (auto space =
          Space::enumerate(kernel, request.sizes, ignoredOn(*what->device), what->device->info.compilers)) {
    out.space = static_cast<int64_t>(space->size());
    std::set<size_t> tried;
    for (const auto& record : *records)
      if (const size_t position = space->find(record.measurement.configuration);
          record.measurement.origin.empty() && position < space->size())
        tried.insert(position);
    out.untried = out.space - static_cast<int64_t>(tried.size());
    for (size_t i = 0; i < space->size() && out.untriedExamples.size() < examples; ++i)
      if (!tried.contains(i)) out.untriedExamples.push_back(space->configuration(i));
  }
  if (auto search = store_->lastSearch(what->problem)) {
    out.strategy = search->strategy;
    out.stopped = search->stopped;
    out.phaseSeconds = search->phases;
  }
  out.answer = std::move(*answer);
  return out;
}

} // namespace tuned
