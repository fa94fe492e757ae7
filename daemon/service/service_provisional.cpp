// What a miss is answered with: the configuration of the nearest sizes known, else the default; compiled.
#include "daemon/service/convert.h"
#include "daemon/service/question.h"
#include "daemon/service/service.h"

#include <cmath>
#include <limits>

namespace tuned {

namespace {
/// Distance of two sizes as factors: 0 for equal ones, 1 where one size is twice the other.
double distance(const Sizes& a, const Sizes& b) {
  double sum = 0;
  for (const auto& [name, value] : a) {
    auto other = b.find(name);
    if (other == b.end() || other->second <= 0 || value <= 0) return std::numeric_limits<double>::infinity();
    double factor = std::log2(static_cast<double>(value) / static_cast<double>(other->second));
    sum += factor * factor;
  }
  return sum;
}

/// The configuration of the winner of the nearest sizes that is allowed at these sizes.
std::optional<Configuration> nearest(const std::vector<store::MeasurementRecord>& winners,
                                     const Kernel& kernel, const Sizes& sizes) {
  std::optional<Configuration> best;
  double least = std::numeric_limits<double>::infinity();
  for (const store::MeasurementRecord& winner : winners) {
    const Measurement& measured = winner.measurement;
    double far = distance(sizes, measured.sizes);
    if (!measured.origin.empty() || far >= least || !inSpace(kernel, measured.configuration, sizes)) continue;
    least = far;
    best = measured.configuration;
  }
  return best;
}
} // namespace

Result<protocol::Answer> Service::provisional(const Resolved& what, const protocol::Values& sizes) {
  const Kernel& kernel = *what.kernel.kernel;
  // Another document of the same kernel may rule the configuration out.
  store::ProblemKey asked = what.problem;
  asked.kernel += questionOf(kernel);
  if (auto known = provisional_.answer(asked)) return *known;
  auto winners = store_->near(what.problem);
  if (!winners) return fail(winners.error());
  auto found = nearest(*winners, kernel, sizes);
  const Configuration configuration = found ? *found : kernel.defaults;
  const std::string source = found ? "nearest" : "default";
  Crew crew = crewOf(*what.device);
  Builder builder(*store_, metrics_, *crew.compilers, *crew.gate, crew.limits.compileSeconds);
  auto made = builder.make(problemOf(what.problem, what.kernel, sizes, *what.device), configuration, false);
  if (!made) return fail(made.error());
  if (!made->artefact)
    return fail(ErrorKind::Faulted, "the " + source + " configuration " + toString(configuration) +
                                        " does not compile: " + made->build.reason);
  auto answer = answerFor(kernel, what.problem.kernel, sizes, configuration, made->build);
  if (!answer) return answer;
  answer->source = source;
  answer->device = what.device->info.id;
  provisional_.put(asked, *answer,
                   {made->build.artefact, made->build.format, made->build.target, made->artefact->bytes});
  return answer;
}

} // namespace tuned
