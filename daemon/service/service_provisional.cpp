// What a miss is answered with: what was measured for another objective, else the configuration of the
// nearest sizes known, else the default; compiled.
#include "daemon/service/answers/convert.h"
#include "daemon/service/answers/nearest.h"
#include "daemon/service/answers/question.h"
#include "daemon/service/service.h"
#include "daemon/store/nearness.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tuned {

namespace {
/// Somebody waits for this build. A measurement of another's kernel may take half a minute, and one that
/// takes longer than this is long enough for a median that a compilation beside it does not move.
constexpr std::chrono::milliseconds patience(500);

/// A configuration for sizes that were never tuned.
struct Guess {
  Configuration configuration;
  std::optional<double>
      loss; ///< expected: its time / the best one's - 1; nothing: too little was measured to tell
};

/// What is known of the winners of near sizes. How far each is behind at the sizes where others won was
/// measured when these were tuned.
NearSizes nearSizesOf(store::Store& store, const store::ProblemKey& asked,
                      const std::vector<const store::MeasurementRecord*>& winners, const Kernel& kernel,
                      const Sizes& sizes) {
  NearSizes out;
  for (const store::MeasurementRecord* winner : winners) {
    const std::string& at = winner->build.key.sizes;
    const std::string configuration = toKey(winner->measurement.configuration);
    out.far.push_back(store::distanceOf(asked.sizes, at));
    out.usable.push_back(inSpace(kernel, winner->measurement.configuration, sizes));
    out.apart.emplace_back();
    out.losses.emplace_back();
    for (const store::MeasurementRecord* other : winners) {
      out.apart.back().push_back(store::distanceOf(at, other->build.key.sizes));
      auto there = store.standingOf({asked.kernel, other->build.key.sizes, asked.target}, configuration);
      out.losses.back().push_back(
          there && there->measurement.seconds
              ? std::optional(*there->measurement.seconds / *other->measurement.seconds - 1)
              : std::nullopt);
    }
  }
  return out;
}

std::optional<Guess> guess(store::Store& store, const store::ProblemKey& asked,
                           const std::vector<store::MeasurementRecord>& winners, const Kernel& kernel,
                           const Sizes& sizes) {
  std::vector<const store::MeasurementRecord*> near;
  for (const store::MeasurementRecord& winner : winners)
    if (std::isfinite(store::distanceOf(asked.sizes, winner.build.key.sizes)) &&
        winner.measurement.origin.empty() && winner.measurement.seconds)
      near.push_back(&winner);
  const auto chosen = nearestWinner(nearSizesOf(store, asked, near, kernel, sizes));
  if (!chosen) return std::nullopt;
  return Guess{near[chosen->winner]->measurement.configuration, chosen->loss};
}

/// Tuned for another objective alone, a kernel is answered with the fastest of what was measured then.
Result<std::optional<Configuration>> fastestOfOthers(store::Store& store, const store::ProblemKey& problem,
                                                     const Kernel& kernel, const Sizes& sizes) {
  auto records = store.standing(problem);
  if (!records) return fail(records.error());
  std::optional<Configuration> fastest;
  double least = std::numeric_limits<double>::infinity();
  for (const store::MeasurementRecord& record : *records) {
    const Measurement& measured = record.measurement;
    if (record.policy == store::byTime || !record.source.empty() || !record.build.key.origin.empty())
      continue;
    if (!measured.seconds || measured.abandoned) continue;
    if (*measured.seconds >= least || holdsUnder(kernel, measured.verdict) != Holds::Yes) continue;
    if (!inSpace(kernel, measured.configuration, sizes)) continue;
    least = *measured.seconds;
    fastest = measured.configuration;
  }
  return fastest;
}

} // namespace

Result<protocol::Answer> Service::provisional(const Resolved& what, const protocol::Values& sizes) {
  const Kernel& kernel = *what.kernel.kernel;
  // Another document of the same kernel may rule the configuration out.
  store::ProblemKey asked = what.problem;
  asked.kernel += questionOf(kernel);
  if (auto known = provisional_.answer(asked)) return *known;
  auto here = fastestOfOthers(*store_, what.problem, kernel, sizes);
  if (!here) return fail(here.error());
  auto winners = store_->near(what.problem);
  if (!winners) return fail(winners.error());
  struct Candidate {
    Configuration configuration;
    const char* source;
    std::optional<double> loss;
  };
  std::vector<Candidate> candidates;
  if (*here) candidates.push_back({std::move(**here), "nearest", std::nullopt});
  if (auto found = guess(*store_, what.problem, *winners, kernel, sizes)) {
    candidates.push_back({found->configuration, "nearest", found->loss});
    // That winner may be of a compiler which this machine has not: it was built elsewhere and imported.
    if (found->configuration.erase("compiler") > 0)
      candidates.push_back({std::move(found->configuration), "nearest", std::nullopt});
  }
  candidates.push_back({kernel.defaults, "default", std::nullopt});
  std::optional<Error> first; // of what was likeliest
  for (const Candidate& candidate : candidates) {
    auto answer = compiled(what, asked, candidate.configuration, candidate.source, candidate.loss);
    if (answer) return answer;
    if (!first) first = answer.error();
  }
  return fail(*first);
}

/// The answer of a configuration that was not measured; remembered under `asked`.
Result<protocol::Answer> Service::compiled(const Resolved& what, const store::ProblemKey& asked,
                                           const Configuration& configuration, const std::string& source,
                                           std::optional<double> loss) {
  auto sizes = fromKey(what.problem.sizes);
  if (!sizes) return fail(sizes.error());
  Crew crew = crewOf(*what.device);
  Builder builder(*store_, metrics_, *crew.compilers, *crew.gate, crew.limits.compileSeconds, patience);
  auto made = builder.make(problemOf(what.problem, what.kernel, *sizes, *what.device, what.owner),
                           configuration, false);
  if (!made) return fail(made.error());
  if (!made->artefact)
    return fail(ErrorKind::Faulted, "the " + source + " configuration " + toString(configuration) +
                                        " does not compile: " + made->build.reason);
  auto answer = answerFor(*what.kernel.kernel, what.problem.kernel, *sizes, configuration, made->build);
  if (!answer) return answer;
  answer->source = source;
  answer->expectedLoss = loss;
  answer->device = what.device->info.id;
  provisional_.put(asked, *answer,
                   {made->build.artefact, made->build.format, made->build.target, made->artefact->bytes});
  return answer;
}

} // namespace tuned
