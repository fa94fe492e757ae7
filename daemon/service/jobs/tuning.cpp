#include "daemon/service/jobs/tuning.h"

#include "base/clock.h"
#include "base/model/architecture.h"
#include "client/protocol/json.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/answers/question.h"
#include "daemon/service/jobs/first_guess.h"
#include "daemon/service/jobs/history.h"
#include "tuner/search/effort.h"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace tuned {

Problem problemOf(const store::ProblemKey& key, const KnownKernel& kernel, const Sizes& sizes,
                  const KnownDevice& device, const std::string& owner) {
  const Capabilities& can = device.info.capabilities;
  auto arguments = argumentsOf(*kernel.kernel, sizes);
  return {key.kernel + key.sizes + key.target,
          key.kernel,
          kernel.document,
          sizes,
          device.info.id,
          can.compileTarget.empty() ? device.info.architecture : can.compileTarget,
          device.target.toolchain,
          can.exclusive,
          arguments ? std::move(*arguments) : std::vector<Argument>(),
          owner,
          device.info.architecture};
}

Result<Kernel> restricted(const Kernel& kernel, const std::vector<protocol::Values>& only) {
  if (only.empty()) return kernel;
  std::string any;
  for (const auto& configuration : only) {
    std::string all;
    for (const auto& [name, value] : configuration) {
      bool known = std::any_of(kernel.parameters.begin(), kernel.parameters.end(),
                               [&](const KernelParameter& parameter) { return parameter.name == name; });
      // An answer names options that the kernel leaves at their default too.
      const auto given = kernel.defaults.find(name);
      if (!known && given != kernel.defaults.end() && given->second == value) continue;
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

std::vector<Configuration> anyAddressConfigurations(store::Store& store, const store::ProblemKey& problem,
                                                    const Kernel& kernel, const Sizes& sizes) {
  std::vector<Configuration> out;
  auto add = [&](const Configuration& configuration) {
    Configuration wanted = forAnyAddress(configuration);
    if (std::ranges::find(out, wanted) == out.end()) out.push_back(std::move(wanted));
  };
  auto best = [&](bool own) {
    auto record = store.choose(problem, [&](const store::MeasurementRecord& one) {
      const Configuration& configuration = one.measurement.configuration;
      auto compiler = configuration.find("compiler");
      return answers(kernel, sizes, one) && inSpace(kernel, configuration, sizes) &&
             (!own || compiler == configuration.end() || compiler->second == 0);
    });
    if (record) add(record->measurement.configuration);
  };
  best(false);
  best(true);
  add(kernel.defaults);
  return out;
}

std::set<std::string> ignoredOn(const KnownDevice& device) {
  const auto& ignored = device.info.capabilities.ignoredOptions;
  return {ignored.begin(), ignored.end()};
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
  forget_(job);
  job.finish(state, std::move(answer), std::move(error));
}

/// One run of a job: what it learns of earlier runs, what it keeps, how it ends.
class OneTuning {
public:
  OneTuning(Tuning& tuning, Job& job, const KnownKernel& kernel, const KnownDevice& device, const Crew& crew)
      : tuning_(tuning), store_(tuning.store_), job_(job), spec_(job.spec()), kernel_(kernel),
        device_(device), problem_(problemOf(spec_.problem, kernel, spec_.request.sizes, device,
                                            codeOwner(spec_.user, kernel))),
        compilers_(*crew.compilers),
        builder_(store_, tuning.metrics_, *crew.compilers, *crew.gate, crew.limits.compileSeconds),
        executor_(builder_, *crew.device, *crew.gate, problem_, crew.limits, spec_.request.force,
                  !objective_.timeAlone(), stop_),
        outer_(job.stopToken(), [this] { stop_.request_stop(); }), watch_(crew.watch),
        tuneSeconds_(crew.tuneSeconds) {
    if (watch_)
      executor_.attend(*watch_, crew.quietSeconds, [this](const std::string& why) { job_.setWaiting(why); });
    if (!spec_.request.force) return;
    crew.compilers->ledger().forget(problem_.id);
    crew.device->ledger().forget(problem_.id);
  }

  void run() {
    auto request = prepare();
    if (!request) return tuning_.end(job_, JobState::Failed, {}, request.error());
    auto result = tune(*request, executor_, stop_.get_token());
    executor_.cancel();
    if (!broken_) broken_ = executor_.broken();
    cancelled_ = job_.stopToken().stop_requested();
    // For the next daemon. Workers may have been closed before the job was told to stop.
    if (tuning_.ending_() && (cancelled_ || broken_)) {
      (void)store_.setJob(spec_.id, name(JobState::Queued), std::to_string(spec_.deaths));
      return;
    }
    if (broken_ && tuning_.moved_(job_)) return;
    if (broken_) return tuning_.end(job_, JobState::Failed, {}, *broken_);
    if (!result) return tuning_.end(job_, JobState::Failed, {}, result.error());
    job_.setStopped(result->stopped);
    if (auto kept = conclude(*result); !kept) return tuning_.end(job_, JobState::Failed, {}, kept.error());
    finish(*result);
  }

private:
  Result<TuneRequest> prepare() {
    auto kernel = restricted(*kernel_.kernel, spec_.request.only);
    if (!kernel) return fail(kernel.error());
    search_ = {0,
               spec_.problem,
               spec_.id,
               kernel_.sha,
               questionOf(*kernel_.kernel, objective_),
               spec_.strategy,
               spec_.configurations};
    if (auto kept = store_.putTarget(device_.target); !kept) return fail(kept.error());
    auto begun = store_.beginSearch(search_);
    if (!begun) return fail(begun.error());
    search_.id = *begun;

    TuneRequest request;
    request.kernel = std::move(*kernel);
    request.sizes = spec_.request.sizes;
    request.strategy = spec_.strategy;
    if (auto effort = effortNamed(spec_.request.effort)) {
      request.worth = effort->worth;
      request.hurried = effort->hurried;
    }
    if (spec_.request.only.empty()) request.history = historyFor(store_, spec_.problem, request.sizes);
    request.guess = [this](const Space& space) {
      return firstGuess(compilers_, problem_, *kernel_.kernel, space, device_.info, stop_.get_token());
    };
    request.objective = objective_;
    request.ignored = ignoredOn(device_);
    request.compilers = device_.info.compilers;
    // Who names a seed wants the same search again.
    if (spec_.request.seed) request.seed = spec_.request.seed, request.ordered = true;
    request.budget.mostSeconds = tuneSeconds_;
    if (spec_.request.budget.seconds > 0) request.budget.seconds = spec_.request.budget.seconds;
    if (spec_.request.budget.trials > 0) request.budget.trials = spec_.request.budget.trials;
    request.phases = &phases_;
    request.onProgress = [this](const Progress& progress) { onProgress(progress); };
    if (spec_.request.built) {
      if (auto there = takeBuilt(request); !there) return fail(there.error());
      return request;
    }
    if (spec_.request.anyAddress) {
      if (auto there = makeForAnyAddress(request); !there) return fail(there.error());
      return request;
    }
    if (auto known = recall(request); !known) return fail(known.error());
    if (spec_.request.only.empty())
      if (auto invited = invite(request); !invited) return fail(invited.error());
    return request;
  }

  /// The builds that are here, whichever assembler made them, and nothing else.
  Result<void> takeBuilt(TuneRequest& request) {
    auto builds =
        store_.loadable(spec_.problem.kernel, spec_.problem.sizes, problem_.loads, problem_.toolchain);
    if (!builds) return fail(builds.error());
    for (const store::BuildRecord& record : *builds)
      if (auto configuration = fromKey(record.key.configuration);
          configuration && inSpace(*kernel_.kernel, *configuration, request.sizes))
        contend(request, record, "");
    request.contendersOnly = true;
    if (!request.contenders.empty()) return {};
    return fail(ErrorKind::NotFound,
                "no build of " + spec_.kernel->name + " for " + problem_.loads + " is here",
                "tunectl prewarm or import brings some; tune without 'built' makes them");
  }

  /// Builds for any address, and nothing else.
  Result<void> makeForAnyAddress(TuneRequest& request) {
    std::string failures;
    request.contendersOnly = true;
    for (const Configuration& configuration :
         anyAddressConfigurations(store_, spec_.problem, *kernel_.kernel, request.sizes)) {
      phases_.enter("compile");
      auto made = builder_.make(problem_, configuration, false, stop_.get_token());
      phases_.enter("search");
      if (!made) return fail(made.error());
      if (!made->artefact) {
        failures += (failures.empty() ? "" : "; ") + made->build.reason;
        continue;
      }
      executor_.introduce(configuration, "", made->id);
      request.contenders.push_back({configuration, "", made->artefact});
    }
    if (!request.contenders.empty()) return {};
    return fail(ErrorKind::Faulted, "no build of " + spec_.kernel->name + " for any address: " + failures);
  }

  /// What earlier tunings of the problem learnt, as far as it holds for what is asked now.
  Result<void> recall(TuneRequest& request) {
    auto records = store_.standing(spec_.problem, spec_.request.force ? spec_.created : 0);
    if (!records) return fail(records.error());
    std::vector<Trial> doubtful; ///< timed, but judged by another tolerance
    for (const store::MeasurementRecord& record : *records) {
      auto trial = fromMeasurement(record.measurement);
      const bool ours = record.build.key.origin.empty() && record.build.key.toolchain == problem_.toolchain;
      if (!trial || !ours || record.policy != policyOf(objective_) || !record.source.empty()) continue;
      if (!inSpace(request.kernel, trial->configuration, request.sizes)) continue;
      // It is taken again; but others work on a CPU as a rule, and not each tuning shall measure all again.
      if (trial->timed() && !trial->timed()->disturbed.empty() && !problem_.exclusive) continue;
      executor_.introduce(trial->configuration, "", record.build.id);
      const Holds holds = holdsUnder(*kernel_.kernel, record.measurement.verdict);
      const bool wrong = std::holds_alternative<WrongResult>(trial->outcome);
      if (holds == Holds::Unknown && wrong) continue; // under another tolerance it may be right
      if (holds == Holds::Unknown && trial->timed()) {
        doubtful.push_back(std::move(*trial));
        continue;
      }
      announce(record.measurement);
      request.known.push_back(std::move(*trial));
    }
    check(std::move(doubtful), request.known);
    return {};
  }

  /// Judges the fastest again under the present tolerance until one is right: a check, not a search. The rest
  /// are no slower to be measured when it comes to that.
  void check(std::vector<Trial> doubtful, std::vector<Trial>& known) {
    std::ranges::stable_sort(doubtful, {}, [](const Trial& trial) {
      return std::pair(trial.timed()->abandoned, trial.timed()->median);
    });
    if (!doubtful.empty()) job_.setPhase("checking");
    bool found = false;
    for (Trial& trial : doubtful) {
      if (!found && !stop_.stop_requested()) {
        if (auto again = measureAgain(trial)) {
          trial = std::move(*again);
          keep(trial, false);
          found = trial.eligible();
        }
      } else if (auto timed = std::get_if<Timed>(&trial.outcome)) {
        timed->abandoned = true; // not proven: it may be measured, but cannot win as it is
      }
      known.push_back(trial);
    }
  }

  std::optional<Trial> measureAgain(const Trial& before) {
    executor_.compile({&before.configuration, 1});
    std::optional<Compiled> compiled;
    phases_.enter("compile");
    while (!compiled && !stop_.stop_requested())
      compiled = executor_.nextCompiled(std::chrono::milliseconds(100));
    phases_.enter("search");
    if (!compiled) return std::nullopt;
    Trial trial = before;
    if (!compiled->artefact) {
      trial.outcome = compiled->failure;
      return trial;
    }
    const MeasureRequest request{trial.configuration, compiled->artefact, std::nullopt,
                                 !objective_.timeAlone()};
    phases_.enter("wait");
    Measured measured = executor_.measure(request);
    phases_.attribute(measured.phases);
    if (std::holds_alternative<Timed>(measured.outcome) && measured.verdict.state == "pending") {
      Measured judged = executor_.judge(request);
      phases_.attribute(judged.phases);
      measured.seconds += judged.seconds;
      measured.verdict = std::move(judged.verdict);
      if (!std::holds_alternative<Timed>(judged.outcome)) measured.outcome = std::move(judged.outcome);
    }
    phases_.enter("search");
    if (stop_.stop_requested()) return std::nullopt;
    trial.outcome = std::move(measured.outcome);
    trial.verdict = std::move(measured.verdict);
    trial.measureSeconds = measured.seconds;
    return trial;
  }

  /// Builds of other compilers, and the winner from before an upgrade: they are timed beside ours.
  Result<void> invite(TuneRequest& request) {
    auto foreign = store_.foreignBuilds(spec_.problem.kernel, spec_.problem.sizes);
    if (!foreign) return fail(foreign.error());
    for (const store::BuildRecord& record : *foreign)
      if (loadsOn(record.build.target, device_.info.architecture))
        contend(request, record, record.key.origin);
    auto before = store_.chooseStale(spec_.problem, device_.target.hardware, [&](const auto& record) {
      return record.build.key.origin.empty() && record.build.key.toolchain != problem_.toolchain &&
             inSpace(*kernel_.kernel, record.measurement.configuration, request.sizes);
    });
    if (before) contend(request, before->build, "before the upgrade (" + before->build.build.assembler + ")");
    auto imported = store_.choose(spec_.problem, [&](const auto& record) {
      return record.build.key.origin.empty() && record.build.key.toolchain != problem_.toolchain &&
             inSpace(*kernel_.kernel, record.measurement.configuration, request.sizes);
    });
    if (imported)
      contend(request, imported->build, "made elsewhere (" + imported->build.build.assembler + ")");
    return {};
  }

  void contend(TuneRequest& request, const store::BuildRecord& record, const std::string& origin) {
    auto configuration = fromKey(record.key.configuration);
    if (!configuration) return;
    executor_.introduce(*configuration, origin, record.id);
    // There may be thousands of them: a binary is read when it is its turn.
    Compiled compiled{*configuration, origin, nullptr};
    compiled.resources = record.build.resources;
    compiled.fetch = [this, record, origin]() -> std::shared_ptr<const Artefact> {
      if (auto loaded = builder_.load(record)) return loaded->artefact;
      spdlog::warn("job {}: the build {} of {} cannot take part: its binary is gone", spec_.id, record.id,
                   origin);
      return nullptr;
    };
    request.contenders.push_back(std::move(compiled));
  }

  void onProgress(const Progress& progress) {
    if (progress.phases) job_.setPhaseSeconds(progress.phases->seconds());
    if (progress.phase != "done") job_.setPhase(progress.phase);
    // What a stop cut short says nothing about the variant.
    if (!progress.last || stop_.stop_requested()) return;
    keep(*progress.last, false);
  }

  /// Stores, then announces.
  void keep(const Trial& trial, bool finalist) {
    store::MeasurementRecord record;
    record.build.id = executor_.buildOf(trial.configuration, trial.origin);
    record.measurement = toMeasurement(trial);
    record.target = spec_.problem.target;
    record.policy = policyOf(objective_);
    // What is for any address is no finalist of the search that the winner is told from.
    record.search = spec_.request.anyAddress ? 0 : search_.id;
    record.finalist = finalist;
    // Never before the tuning it belongs to, whatever happens to the clock: what is older may be retired.
    record.created = std::max(unixNow(), spec_.created);
    // A few configurations timed again say what they take now; they do not unseat what a search has chosen.
    record.history = !spec_.request.only.empty() && decided_;
    auto kept = store_.addMeasurement(record);
    if (!kept) {
      broken_ = kept.error(); // going on would lose work
      stop_.request_stop();
      return;
    }
    if (finalist) return;
    tuning_.metrics_.trial(name(trial.outcome));
    announce(record.measurement, true);
  }

  void announce(Measurement measurement, bool fresh = false) {
    measurement.kernel = spec_.problem.kernel;
    measurement.sizes = spec_.request.sizes;
    measurement.device = device_.info.id;
    measurement.target = spec_.problem.target;
    measurement.cached = !fresh;
    if (fresh) measurement.measuredAt = static_cast<int64_t>(unixNow());
    job_.addTrial(measurement);
  }

  /// Finalists, what is no more, and how the search went: together or not at all.
  Result<void> conclude(const TuneResult& result) {
    search_.phases = phases_.seconds();
    search_.space = result.spaceSize;
    search_.tried = result.tried;
    search_.stopped = result.stopped;
    const bool any = spec_.request.anyAddress, only = any || !spec_.request.only.empty();
    const bool part = only || spec_.request.built;
    // Less than the whole space tried proves nothing about the rest.
    if (!result.winner && !cancelled_ && result.coverage() >= 1 && !part)
      search_.failure = failureText(result);
    return store_.batch([&]() -> Result<void> {
      for (const Trial& trial : result.finalists)
        if (!any) keep(trial, true);
      if (broken_) return fail(*broken_);
      // Tried anew, all that was known before is forgotten; unless it was broken off with nothing in its
      // place.
      if (spec_.request.force && !part && (result.winner || !cancelled_))
        if (auto gone = store_.retire(spec_.problem, spec_.created, policyOf(objective_)); !gone)
          return fail(gone.error());
      // A part of the space, timed for its own sake, is no search of the problem; nor are builds that were
      // here, where one has chosen before.
      return only || (part && decided_) ? Result<void>() : store_.endSearch(search_);
    });
  }

  std::string failureText(const TuneResult& result) const {
    return "no configuration of " + spec_.kernel->name + " works: " + result.failures();
  }

  void finish(const TuneResult& result) {
    job_.setPhaseSeconds(phases_.seconds());
    if (result.winner) {
      auto answer = tell(result);
      if (!answer) return tuning_.end(job_, JobState::Failed, {}, answer.error());
      return tuning_.end(job_, cancelled_ ? JobState::Cancelled : JobState::Done, *answer, {});
    }
    if (cancelled_) return tuning_.end(job_, JobState::Cancelled, {}, {});
    tuning_.end(job_, JobState::Failed, {},
                Error{ErrorKind::Faulted, failureText(result), std::nullopt,
                      "see the trials; tune with force to try them again"});
  }

  /// As the store tells it; of a part of the space, the best of that part.
  Result<protocol::Answer> tell(const TuneResult& result) {
    if (spec_.request.only.empty() && !spec_.request.anyAddress) return tuning_.tell_(job_);
    store::MeasurementRecord record;
    auto build =
        store_.build(executor_.buildOf(result.winner->trial.configuration, result.winner->trial.origin));
    if (!build) return fail(build.error());
    record.build = std::move(*build);
    record.measurement = toMeasurement(result.winner->trial);
    record.measurement.device = device_.info.id;
    record.measurement.measuredAt = static_cast<int64_t>(unixNow());
    auto answer = answerFrom(*spec_.kernel, spec_.request.sizes, record);
    if (!answer) return answer;
    if (result.standard && result.standard->timed()) answer->gain = result.gain;
    answer->coverage = result.coverage();
    return answer;
  }

  Tuning& tuning_;
  store::Store& store_;
  Job& job_;
  const JobSpec& spec_;
  const KnownKernel& kernel_;
  const KnownDevice& device_;
  const Problem problem_;
  const Objective objective_ = spec_.request.objective.value_or(Objective());
  std::stop_source stop_;
  WorkerPool& compilers_;
  Builder builder_;
  WorkerExecutor executor_;
  std::stop_callback<std::function<void()>> outer_;
  DeviceWatch* const watch_;
  const std::optional<double> tuneSeconds_;
  /// Pauses are no part of a search's time; the job tells them as waiting.
  PhaseClock phases_{[this] { return steadySeconds() - (watch_ ? watch_->pausedSeconds() : 0); }};
  store::SearchRecord search_;
  std::optional<Error> broken_; ///< the store could not keep a trial
  bool decided_ = store_.choose(spec_.problem, {}).has_value();
  bool cancelled_ = false;
};

void Tuning::run(Job& job, const KnownKernel& kernel, const KnownDevice& device, const Crew& crew) {
  const JobSpec& spec = job.spec();
  spdlog::info("job {}: {} {} on {}", spec.id, spec.kernel->name, spec.problem.sizes, device.info.id);
  // Before it is told: a daemon that dies now is one that this job has cost.
  (void)store_.setJob(spec.id, name(JobState::Running), std::to_string(spec.deaths));
  job.start();
  OneTuning(*this, job, kernel, device, crew).run();
}

} // namespace tuned
