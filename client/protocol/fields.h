// The fields of every message, listed once: the visitors of base/model/json.h write, read and describe them.
// The fields of what messages are made of stand with their structs in base/model.
#pragma once

#include "base/model/upkeep.h"
#include "client/protocol/entry.h"
#include "client/protocol/messages.h"
#include "client/protocol/study.h"

namespace tuned::protocol {

using tuned::CacheCheck;
using tuned::Collected;
using tuned::CollectRequest;

template <typename V> void fields(V& v, Budget& m) {
  v.option("seconds", m.seconds);
  v.option("trials", m.trials);
}

template <typename V> void fields(V& v, BestRequest& m) {
  v.option("kernel", m.kernel);
  v.object("document", m.document);
  v("sizes", m.sizes);
  v.option("device", m.device);
  v.option("wait", m.wait);
  v.option("tune", m.tune);
  v.option("budget", m.budget);
  v("objective", m.objective);
  v.option("without", m.without);
}

template <typename V> void fields(V& v, TuneRequest& m) {
  v.option("kernel", m.kernel);
  v.object("document", m.document);
  v("sizes", m.sizes);
  v.option("device", m.device);
  v.option("strategy", m.strategy);
  v.option("effort", m.effort);
  v.option("seed", m.seed);
  v.option("budget", m.budget);
  v.option("force", m.force);
  v.option("only", m.only);
  v.option("built", m.built);
  v("objective", m.objective);
  v.option("any_address", m.anyAddress);
}

template <typename V> void fields(V& v, Answer& m) {
  v("source", m.source);
  v("kernel", m.kernel);
  v.option("kernel_name", m.kernelName);
  v("sizes", m.sizes);
  v("device", m.device);
  v.option("target", m.target);
  v("configuration", m.configuration);
  v.option("origin", m.origin);
  v("artefact", m.artefact);
  v.option("format", m.format);
  v("launch", m.launch);
  v.option("resources", m.resources);
  v("grid", m.grid);
  v("seconds", m.seconds);
  v("interval", m.interval);
  v("joules", m.joules);
  v("gigabytes_per_second", m.gigabytesPerSecond);
  v("gigaflops_per_second", m.gigaflopsPerSecond);
  v("gain", m.gain);
  v("expected_loss", m.expectedLoss);
  v("verdict", m.verdict);
  v.option("coverage", m.coverage);
  v.option("stale", m.stale);
  v("disturbed", m.disturbed);
  v.option("tuned_at", m.tunedAt);
  v.option("job", m.job);
}

template <typename V> void fields(V& v, JobStatus& m) {
  v("id", m.id);
  v("kernel", m.kernel);
  v.option("kernel_name", m.kernelName);
  v("sizes", m.sizes);
  v("device", m.device);
  v.option("strategy", m.strategy);
  v("state", m.state);
  v.option("configurations", m.configurations);
  v.option("tried", m.tried);
  v.option("outcomes", m.outcomes);
  v("best", m.best);
  v.option("phase", m.phase);
  v.option("stopped", m.stopped);
  v.option("elapsed_seconds", m.elapsedSeconds);
  v.option("phase_seconds", m.phaseSeconds);
  v("eta_seconds", m.etaSeconds);
  v("answer", m.answer);
  v("error", m.error);
}

template <typename V> void fields(V& v, Event& m) {
  v("name", m.name);
  v("job", m.job);
  v("trial", m.trial);
}

template <typename V> void fields(V& v, KernelInfo& m) {
  v("id", m.id);
  v.option("document", m.document);
  v("name", m.name);
  v.option("language", m.language);
  v.option("entry", m.entry);
  v("sizes", m.sizes);
  v("parameters", m.parameters);
  v.option("configurations", m.configurations);
  v.option("default", m.defaults);
  v.option("target_defaults", m.targetDefaults);
}

template <typename V> void fields(V& v, DeviceStatus& m) {
  fields(v, static_cast<DeviceInfo&>(m));
  v("available", m.available);
  v.option("reason", m.reason);
  v("state", m.state);
  v("state_age", m.stateAge);
  v.option("job", m.job);
}

template <typename V> void fields(V& v, ServiceStatus& m) {
  v("version", m.version);
  v("pid", m.pid);
  v.option("uptime_seconds", m.uptimeSeconds);
  v.option("socket", m.socket);
  v.option("cache", m.cache);
  v.option("read_only", m.readOnly);
  v.option("cache_bytes", m.cacheBytes);
  v.option("kernels", m.kernels);
  v.option("trials", m.trials);
  v.option("winners", m.winners);
  v.option("builds", m.builds);
  v.option("artefacts", m.artefacts);
  v.option("jobs_running", m.jobsRunning);
  v.option("jobs_queued", m.jobsQueued);
  v.option("compile_workers", m.compileWorkers);
  v("ready", m.ready);
  v.option("paused", m.paused);
  v.option("problems", m.problems);
  v.option("devices", m.devices);
}

template <typename V> void fields(V& v, ForgetRequest& m) {
  v.option("kernel", m.kernel);
  v.option("sizes", m.sizes);
  v.option("device", m.device);
}

template <typename V> void fields(V& v, Forgotten& m) {
  v("documents", m.documents);
  v("builds", m.builds);
  v("measurements", m.measurements);
}

template <typename V> void fields(V& v, BuildRequest& m) {
  v.option("kernel", m.kernel);
  v.object("document", m.document);
  v("sizes", m.sizes);
  v("origin", m.origin);
  v.option("configuration", m.configuration);
  v("target", m.target);
  v.option("format", m.format);
  v("binary", m.binary);
  v("launch", m.launch);
}

template <typename V> void fields(V& v, BuildInfo& m) {
  v("id", m.id);
  v("artefact", m.artefact);
}

template <typename V> void fields(V& v, ExplainRequest& m) {
  v.option("kernel", m.kernel);
  v.object("document", m.document);
  v("sizes", m.sizes);
  v.option("device", m.device);
  v("objective", m.objective);
}

template <typename V> void fields(V& v, Candidate& m) {
  v("measurement", m.measurement);
  v("behind", m.behind);
  v.option("finalist", m.finalist);
  v.option("ruled_out", m.ruledOut);
}

template <typename V> void fields(V& v, Limits& m) {
  v.option("bound", m.bound);
  v("memory_share", m.memoryShare);
  v("arithmetic_share", m.arithmeticShare);
  v("flops_per_byte", m.flopsPerByte);
  v.option("ctas_per_multiprocessor", m.ctasPerMultiprocessor);
  v.option("occupancy_limit", m.occupancyLimit);
  v.option("occupancy", m.occupancy);
  v.option("waves", m.waves);
}

template <typename V> void fields(V& v, Explanation& m) {
  v("answer", m.answer);
  v.option("limits", m.limits);
  v("runner_up", m.runnerUp);
  v.option("field", m.field);
  v.option("outcomes", m.outcomes);
  v.option("space", m.space);
  v.option("untried", m.untried);
  v.option("untried_examples", m.untriedExamples);
  v.option("judge", m.judge);
  v.option("strategy", m.strategy);
  v.option("stopped", m.stopped);
  v.option("phase_seconds", m.phaseSeconds);
}

template <typename V> void fields(V& v, StudyRequest& m) {
  v("name", m.name);
  v("parameters", m.parameters);
  v.option("constraints", m.constraints);
  v.option("sizes", m.sizes);
  v.option("device", m.device);
  v.option("default", m.defaults);
  v.option("strategy", m.strategy);
  v.option("effort", m.effort);
  v.option("seed", m.seed);
  v("objective", m.objective);
}

template <typename V> void fields(V& v, Proposal& m) {
  v("number", m.number);
  v("configuration", m.configuration);
}

template <typename V> void fields(V& v, Told& m) {
  v("number", m.number);
  v("value", m.value);
  v("values", m.values);
  v.option("failure", m.failure);
}

template <typename V> void fields(V& v, StudyBest& m) {
  v("configuration", m.configuration);
  v("value", m.value);
}

template <typename V> void fields(V& v, StudyInfo& m) {
  v("id", m.id);
  v("name", m.name);
  v.option("strategy", m.strategy);
  v.option("configurations", m.configurations);
  v.option("sampled", m.sampled);
  v.option("told", m.told);
  v.option("waiting", m.waiting);
  v("best", m.best);
  v("expected_gain", m.expectedGain);
  v.option("finished", m.finished);
}

template <typename V> void fields(V& v, AskRequest& m) {
  v.option("count", m.count);
}

template <typename V> void fields(V& v, AskAnswer& m) {
  v("proposals", m.proposals);
  v("study", m.study);
}

template <typename V> void fields(V& v, TellRequest& m) {
  v("results", m.results);
}

template <typename V> void fields(V& v, KernelList& m) {
  v("kernels", m.kernels);
  v.option("next", m.next);
}
template <typename V> void fields(V& v, JobList& m) {
  v("jobs", m.jobs);
  v.option("next", m.next);
}
template <typename V> void fields(V& v, TrialList& m) {
  v("trials", m.trials);
  v.option("next", m.next);
}
template <typename V> void fields(V& v, WinnerList& m) {
  v("winners", m.winners);
  v.option("next", m.next);
}
template <typename V> void fields(V& v, DeviceList& m) {
  v("devices", m.devices);
}
template <typename V> void fields(V& v, Entry& m) {
  v.object("value", m.value);
  v.option("replace", m.replace);
}
template <typename V> void fields(V& v, EntryRequest& m) {
  fields(v, static_cast<Entry&>(m));
}
template <typename V> void fields(V& v, EntryList& m) {
  v("keys", m.keys);
}

/// The messages that stand alone on the wire, by the names of their schemas.
// clang-format off
#define TUNED_PROTOCOL_MESSAGES(X) \
  X(BestRequest) \
  X(TuneRequest) \
  X(ForgetRequest) \
  X(Forgotten) \
  X(CacheCheck) \
  X(CollectRequest) \
  X(Collected) \
  X(BuildRequest) \
  X(BuildInfo) \
  X(ExplainRequest) \
  X(Explanation) \
  X(Answer) \
  X(Trial) \
  X(JobStatus) \
  X(Event) \
  X(KernelInfo) \
  X(DeviceStatus) \
  X(ServiceStatus) \
  X(KernelList) \
  X(JobList) \
  X(TrialList) \
  X(WinnerList) \
  X(DeviceList) \
  X(StudyRequest) \
  X(StudyInfo) \
  X(StudyBest) \
  X(AskRequest) \
  X(AskAnswer) \
  X(Proposal) \
  X(TellRequest) \
  X(Told) \
  X(Entry) \
  X(EntryRequest) \
  X(EntryList) \
  X(Launch) \
  X(Resources) \
  X(Verdict) \
  X(Budget) \
  X(Interval) \
  X(Objective) \
  X(ParameterSlot)
// clang-format on

} // namespace tuned::protocol
