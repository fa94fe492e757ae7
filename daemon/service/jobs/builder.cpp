#include "daemon/service/jobs/builder.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/jobs/compile_build.h"
#include "daemon/worker/channel/messages.h"

#include <nlohmann/json.hpp>

namespace tuned {

bool lasting(const Build& build) {
  return build.outcome == "compile_failed" || build.outcome == "out_of_resources";
}

namespace {
BuildKey keyOf(const Problem& problem, const Configuration& configuration) {
  return {problem.kernel, toKey(problem.sizes), toKey(configuration), problem.toolchain, "", ""};
}

} // namespace

Outcome failureOf(const Build& build) {
  Measurement measurement;
  measurement.outcome = build.outcome;
  measurement.reason = build.reason;
  auto trial = fromMeasurement(measurement);
  return trial ? trial->outcome : CompileFailed{build.reason};
}

Result<Builder::Made> Builder::load(const store::BuildRecord& record) {
  auto stored = store_.artefact(record.build.artefact);
  if (!stored) return fail(stored.error());
  auto artefact = std::make_shared<Artefact>();
  artefact->format = record.build.format;
  artefact->target = record.build.target;
  artefact->bytes = std::move(stored->bytes);
  artefact->launch = record.build.launch;
  artefact->resources = record.build.resources;
  artefact->phaseSeconds = record.build.phaseSeconds;
  artefact->compiler = record.build.compiler;
  artefact->assembler = record.build.assembler;
  ++metrics_.buildsReused;
  return Made{record.id, record.build, std::move(artefact), true};
}

Result<Builder::Made> Builder::make(const Problem& problem, const Configuration& configuration, bool anew,
                                    std::stop_token stop) {
  const BuildKey key = keyOf(problem, configuration);
  if (!anew) {
    auto known = store_.build(key);
    if (!known && known.error().kind != ErrorKind::NotFound) return fail(known.error());
    if (known && lasting(known->build)) return Made{known->id, known->build, nullptr, true};
    if (known && known->build.built()) {
      auto loaded = load(*known);
      if (loaded || loaded.error().kind != ErrorKind::NotFound) return loaded;
    }
  }
  auto made = compile(problem, configuration, stop);
  if (!made || store_.readOnly()) return made;
  auto kept = store_.putBuild(key, made->build, made->artefact ? made->artefact->bytes : std::string_view());
  if (!kept) return fail(kept.error());
  made->id = *kept;
  return made;
}

Result<Builder::Made> Builder::compile(const Problem& problem, const Configuration& configuration,
                                       const std::stop_token& stop) {
  return compileBuild({compilers_, gate_, metrics_, compileSeconds_, patience_}, problem, configuration,
                      stop);
}

Result<Builder::Made> compileBuild(const CompileService& service, const Problem& problem,
                                   const Configuration& configuration, const std::stop_token& stop) {
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
  auto answer = service.compilers.call(problem.id + toKey(configuration), request, service.seconds, stop);
  if (cores) cores.unlock();
  ++service.metrics.buildsMade;
  auto artefact = answer ? artefactFromJson(*answer) : fail(answer.error());
  Builder::Made made;
  made.build.seconds = secondsSince(start);
  if (artefact) {
    artefact->launch.arguments = problem.arguments;
    made.artefact = std::make_shared<const Artefact>(std::move(*artefact));
    made.build.artefact = sha256(made.artefact->bytes);
    made.build.format = made.artefact->format;
    made.build.target = made.artefact->target;
    made.build.compiler = made.artefact->compiler;
    made.build.assembler = made.artefact->assembler;
    made.build.launch = made.artefact->launch;
    made.build.resources = made.artefact->resources;
    made.build.phaseSeconds = made.artefact->phaseSeconds;
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
