#include "daemon/service/tuning.h"

#include "base/sha256.h"
#include "client/protocol/json.h"
#include "daemon/service/convert.h"

#include <spdlog/spdlog.h>

namespace tuned {

Problem problemOf(const store::ProblemKey& key, const std::string& document, const Sizes& sizes,
                  const KnownDevice& device) {
  bool exclusive = !device.info.id.starts_with("cuda");
  return {key.kernel + key.sizes + key.target,
          document,
          sizes,
          device.info.id,
          exclusive ? device.info.id : device.info.architecture,
          exclusive};
}

Result<Kernel> restricted(const Kernel& kernel, const std::vector<protocol::Values>& only) {
  if (only.empty()) return kernel;
  std::string any;
  for (const auto& configuration : only) {
    std::string all;
    for (const auto& [name, value] : configuration) {
      bool known = std::any_of(kernel.parameters.begin(), kernel.parameters.end(),
                               [&](const KernelParameter& parameter) { return parameter.name == name; });
      if (!known)
        return fail(ErrorKind::InvalidInput,
                    "only: kernel " + kernel.name + " has no parameter '" + name + "'");
      all += (all.empty() ? "" : " && ") + name + " == " + std::to_string(value);
    }
    if (!all.empty()) any += (any.empty() ? "(" : " || (") + all + ")";
  }
  auto constraint = Expression::parse(any);
  if (!constraint) return fail(constraint.error());
  Kernel out = kernel;
  out.constraints.push_back(std::move(*constraint));
  return out;
}

std::set<std::string> ignoredOn(const std::string& device) {
  if (device.starts_with("cuda")) return {};
  return {"num_warps", "num_stages", "num_ctas", "maxnreg"};
}

/// What earlier tunings of the problem learnt; announced as cached trials.
Result<std::vector<Trial>> Tuning::known(Job& job, const KnownDevice& device) {
  if (job.spec().request.force) return std::vector<Trial>();
  auto records = store_.trials(job.spec().problem);
  if (!records) return fail(records.error());
  std::vector<Trial> out;
  for (const auto& record : *records) {
    auto trial = fromRecord(record);
    if (!trial) continue; // of an older form: it is measured again
    protocol::Trial shown =
        toProtocol(*trial, job.spec().problem, job.spec().request.sizes, device.info.id, record.created);
    shown.cached = true;
    job.addTrial(shown);
    out.push_back(std::move(*trial));
  }
  return out;
}

void Tuning::end(Job& job, JobState state, std::optional<protocol::Answer> answer,
                 std::optional<Error> error) {
  const std::string outcome = error ? error->text() : "";
  if (auto kept = store_.setJob(job.spec().id, name(state), outcome); !kept)
    spdlog::error("job {}: its end could not be kept: {}", job.spec().id, kept.error().text());
  (state == JobState::Done     ? metrics_.jobsDone
   : state == JobState::Failed ? metrics_.jobsFailed
                               : metrics_.jobsCancelled)++;
  spdlog::info("job {} {} {}", job.spec().id, name(state), outcome);
  job.finish(state, std::move(answer), std::move(error));
}

Result<protocol::Answer> Tuning::keepWinner(const Job& job, const TuneResult& result,
                                            const KnownDevice& device) {
  const JobSpec& spec = job.spec();
  const Trial& trial = result.winner->trial;
  auto answer =
      answerFor(*spec.kernel, spec.problem.kernel, spec.request.sizes, trial.configuration, device.info.id);
  if (!answer) return answer;
  const Artefact& artefact = *result.winner->artefact;
  const std::string sha = sha256(artefact.bytes);
  describe(*answer, artefact, sha);
  addMeasurement(*answer, *spec.kernel, trial);
  answer->source = "cache";
  if (result.standard && result.standard->timed()) answer->gain = result.gain;
  answer->coverage = result.coverage();
  answer->tunedAt = static_cast<int64_t>(unixNow());
  // A few configurations timed again say what they take now; they do not unseat what a search has chosen.
  if (!spec.request.only.empty() && store_.winner(spec.problem)) return answer;
  auto kept = store_.putWinner(spec.problem, toKey(trial.configuration), protocol::toText(*answer),
                               {sha, artefact.format, artefact.target, artefact.bytes});
  if (!kept) return fail(kept.error());
  return answer;
}

void Tuning::run(Job& job, const std::string& document, const KnownDevice& device, const Crew& crew) {
  const JobSpec& spec = job.spec();
  spdlog::info("job {}: {} {} on {}", spec.id, spec.kernel->name, spec.problem.sizes, device.info.id);
  job.start();
  (void)store_.setJob(spec.id, name(JobState::Running), std::to_string(spec.deaths));
  Problem problem = problemOf(spec.problem, document, spec.request.sizes, device);
  problem.owner = std::to_string(spec.user);
  if (spec.request.force) {
    crew.compilers->ledger().forget(problem.id);
    crew.device->ledger().forget(problem.id);
  }
  auto kernel = restricted(*spec.kernel, spec.request.only);
  auto before = known(job, device);
  if (!kernel || !before) return end(job, JobState::Failed, {}, kernel ? before.error() : kernel.error());

  std::stop_source stop;
  std::stop_callback outer(job.stopToken(), [&] { stop.request_stop(); });
  std::optional<Error> broken; ///< the store could not keep a trial: going on would lose work
  TuneRequest request;
  request.kernel = std::move(*kernel);
  request.sizes = spec.request.sizes;
  request.strategy = spec.request.strategy;
  request.ignored = ignoredOn(device.info.id);
  request.compilers = device.info.compilers;
  if (spec.request.seed) request.seed = spec.request.seed;
  if (spec.request.budget.seconds > 0) request.budget.seconds = spec.request.budget.seconds;
  if (spec.request.budget.trials > 0) request.budget.trials = spec.request.budget.trials;
  request.known = std::move(*before);
  request.onProgress = [&](const Progress& progress) {
    if (progress.phase != "done") job.setPhase(progress.phase);
    // What a stop cut short says nothing about the variant.
    if (!progress.last || stop.stop_requested()) return;
    metrics_.trial(name(progress.last->outcome));
    auto kept = store_.addTrial(spec.problem, toRecord(*progress.last));
    if (!kept) {
      broken = kept.error();
      stop.request_stop();
      return;
    }
    job.addTrial(toProtocol(*progress.last, spec.problem, spec.request.sizes, device.info.id, unixNow()));
  };
  WorkerExecutor executor(*crew.compilers, *crew.device, *crew.gate, problem, crew.limits, stop);
  auto result = tune(request, executor, stop.get_token());
  executor.cancel();
  if (!broken) broken = executor.broken();
  if (broken) return end(job, JobState::Failed, {}, *broken);
  if (!result) return end(job, JobState::Failed, {}, result.error());
  job.setStopped(result->stopped);
  bool cancelled = job.stopToken().stop_requested();
  if (cancelled && ending_()) {
    (void)store_.setJob(spec.id, name(JobState::Queued), std::to_string(spec.deaths)); // for the next daemon
    return;
  }
  if (result->winner) {
    auto answer = keepWinner(job, *result, device);
    if (!answer) return end(job, JobState::Failed, {}, answer.error());
    return end(job, cancelled ? JobState::Cancelled : JobState::Done, *answer, {});
  }
  if (cancelled) return end(job, JobState::Cancelled, {}, {});
  Error failure{ErrorKind::Faulted,
                "no configuration of " + spec.kernel->name + " works: " + result->failures(), std::nullopt,
                "see the trials; tune with force to try them again"};
  // Less than the whole space tried proves nothing about the rest.
  if (result->coverage() >= 1 && spec.request.only.empty())
    (void)store_.setFailure(spec.problem, failure.message);
  end(job, JobState::Failed, {}, failure);
}

} // namespace tuned
