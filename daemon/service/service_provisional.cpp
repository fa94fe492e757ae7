// What a miss is answered with: the configuration of the nearest sizes known, else the default; compiled.
#include "base/sha256.h"
#include "client/protocol/json.h"
#include "daemon/service/convert.h"
#include "daemon/service/service.h"
#include "tuner/search/space.h"

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

/// The configuration of the winner of the nearest sizes on this target that is allowed at these sizes.
std::optional<Configuration> nearest(const std::vector<store::WinnerRecord>& winners,
                                     const store::ProblemKey& problem, const Kernel& kernel,
                                     const Sizes& sizes) {
  std::optional<Configuration> best;
  double least = std::numeric_limits<double>::infinity();
  for (const store::WinnerRecord& winner : winners) {
    auto theirs = fromKey(winner.problem.sizes);
    auto answer = protocol::fromText<protocol::Answer>(winner.body);
    if (!theirs || !answer || winner.problem.target != problem.target) continue;
    auto allowed = satisfiesConstraints(kernel, answer->configuration, sizes);
    double far = distance(sizes, *theirs);
    if (!allowed || !*allowed || far >= least) continue;
    least = far;
    best = answer->configuration;
  }
  return best;
}
} // namespace

Result<protocol::Answer> Service::provisional(const Resolved& what, const protocol::Values& sizes) {
  if (auto known = provisional_.answer(what.problem)) return *known;
  auto winners = store_->winners(what.problem.kernel, "");
  if (!winners) return fail(winners.error());
  const Kernel& kernel = *what.kernel.kernel;
  auto found = nearest(*winners, what.problem, kernel, sizes);
  const Configuration configuration = found ? *found : kernel.defaults;
  auto answer = answerFor(kernel, what.problem.kernel, sizes, configuration, what.device->info.id);
  if (!answer) return answer;
  answer->source = found ? "nearest" : "default";
  Problem problem = problemOf(what.problem, what.kernel.document, sizes, *what.device);
  Crew crew = crewOf(*what.device);
  auto compiled = compileVariant(*crew.compilers, *crew.gate, problem, configuration, crew.limits);
  if (!compiled) {
    Error error = compiled.error();
    error.message = "the " + answer->source + " configuration " + toString(configuration) +
                    " does not compile: " + error.message;
    return fail(error);
  }
  const Artefact& artefact = **compiled;
  const std::string sha = sha256(artefact.bytes);
  describe(*answer, artefact, sha);
  provisional_.put(what.problem, *answer, {sha, artefact.format, artefact.target, artefact.bytes});
  return answer;
}

} // namespace tuned
