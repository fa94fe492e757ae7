#include "daemon/service/jobs/builder.h"

#include "daemon/service/answers/convert.h"
#include "daemon/service/jobs/compile_build.h"

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
                                    const std::stop_token& stop, const Leave& leave) {
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
  auto made = compileBuild({compilers_, gate_, metrics_, compileSeconds_, patience_, &same_}, problem,
                           configuration, stop, leave);
  if (!made || made->left || store_.readOnly()) return made;
  auto kept = store_.putBuild(key, made->build, made->artefact ? made->artefact->bytes : std::string_view());
  if (!kept) return fail(kept.error());
  made->id = *kept;
  return made;
}

} // namespace tuned
