#include "daemon/service/jobs/compile_build.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/jobs/decision.h"
#include "daemon/worker/channel/messages.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace tuned {

namespace {

void describe(const Artefact& artefact, Build& build) {
  build.artefact = sha256(artefact.bytes);
  build.format = artefact.format;
  build.target = artefact.target;
  build.compiler = artefact.compiler;
  build.assembler = artefact.assembler;
  build.launch = artefact.launch;
  build.resources = artefact.resources;
  build.phaseSeconds = artefact.phaseSeconds;
}

} // namespace

Result<Builder::Made> compileBuild(const CompileService& service, const Problem& problem,
                                   const Configuration& configuration, const std::stop_token& stop,
                                   const Leave& leave) {
  const nlohmann::json request = {{"op", "compile"},
                                  {"kernel", problem.document},
                                  {"sizes", problem.sizes},
                                  {"target", problem.compileTarget},
                                  {"configuration", configuration},
                                  {"seconds", service.seconds}};
  auto start = std::chrono::steady_clock::now();
  std::shared_lock<CoreGate> cores(service.gate, std::defer_lock);
  if (!service.patience)
    cores.lock();
  else
    (void)cores.try_lock_for(*service.patience);
  Decision decision(service.same, leave);
  auto answer =
      service.compilers.call(problem.id + toKey(configuration), request, service.seconds, stop, problem.owner,
                             [&](const nlohmann::json& asked) { return decision.answer(asked); });
  if (cores) cores.unlock();
  Builder::Made made;
  if (decision.left) {
    made.left = decision.left;
    return made;
  }
  made.build.seconds = secondsSince(start);
  if (!decision.others.empty()) {
    if (service.idle) service.idle();
    made.artefact = service.same->wait(decision.others, stop);
    made.shared = made.artefact != nullptr;
  }
  // Who made it for others, too, has failed, perhaps for a reason of its own.
  if (!decision.others.empty() && !made.artefact && !stop.stop_requested()) {
    CompileService alone = service;
    alone.same = nullptr;
    return compileBuild(alone, problem, configuration, stop, leave);
  }
  if (decision.others.empty()) ++service.metrics.buildsMade;
  auto artefact = answer ? artefactFromJson(*answer) : fail(answer.error());
  if (artefact || made.artefact) {
    if (artefact) {
      artefact->launch.arguments = problem.arguments;
      made.artefact = std::make_shared<const Artefact>(std::move(*artefact));
      decision.end(made.artefact);
    }
    describe(*made.artefact, made.build);
    return made;
  }
  const Error& error = artefact.error();
  if (!stop.stop_requested() && service.compilers.closed())
    return fail(ErrorKind::Unavailable, "the daemon is stopping", "ask again when it is back");
  if (stop.stop_requested() || error.kind == ErrorKind::Unavailable) return fail(error);
  const Outcome outcome = outcomeOf(error, true);
  made.build.outcome = name(outcome);
  made.build.reason = reason(outcome);
  return made;
}

} // namespace tuned
