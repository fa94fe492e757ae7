// The fields of every message, listed once: the visitor writes, reads or describes them.
//   v(key, member)            required
//   v.option(key, member)     may be left out; the struct's default holds then
//   v.object(key, member)     a JSON object kept as its text
#pragma once

#include "client/protocol/messages.h"

namespace tuned::protocol {

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
}

template <typename V> void fields(V& v, TuneRequest& m) {
  v.option("kernel", m.kernel);
  v.object("document", m.document);
  v("sizes", m.sizes);
  v.option("device", m.device);
  v.option("strategy", m.strategy);
  v.option("seed", m.seed);
  v.option("budget", m.budget);
  v.option("force", m.force);
  v.option("only", m.only);
}

template <typename V> void fields(V& v, Interval& m) {
  v("low", m.low);
  v("high", m.high);
}

template <typename V> void fields(V& v, Verdict& m) {
  v("state", m.state);
  v.option("reference", m.reference);
  v.option("checked", m.checked);
  v.option("total", m.total);
  v.option("worst_error", m.worstError);
  v.option("guards_intact", m.guardsIntact);
  v.option("reason", m.reason);
}

template <typename V> void fields(V& v, ParameterSlot& m) {
  v("kind", m.kind);
  v("size_bytes", m.sizeBytes);
}

template <typename V> void fields(V& v, Launch& m) {
  v("symbol", m.symbol);
  v.option("block", m.block);
  v("threads_per_cta", m.threadsPerCta);
  v.option("dynamic_shared_bytes", m.dynamicSharedBytes);
  v.option("scratch_bytes", m.scratchBytes);
  v.option("cluster_size", m.clusterSize);
  v("parameters", m.parameters);
}

template <typename V> void fields(V& v, Resources& m) {
  v.option("registers", m.registers);
  v.option("shared_bytes", m.sharedBytes);
  v.option("spill_bytes", m.spillBytes);
}

template <typename V> void fields(V& v, Answer& m) {
  v("source", m.source);
  v("kernel", m.kernel);
  v.option("kernel_name", m.kernelName);
  v("sizes", m.sizes);
  v("device", m.device);
  v.option("target", m.target);
  v("configuration", m.configuration);
  v("artefact", m.artefact);
  v.option("format", m.format);
  v("launch", m.launch);
  v.option("resources", m.resources);
  v("grid", m.grid);
  v("seconds", m.seconds);
  v("interval", m.interval);
  v("gigabytes_per_second", m.gigabytesPerSecond);
  v("gigaflops_per_second", m.gigaflopsPerSecond);
  v("gain", m.gain);
  v("verdict", m.verdict);
  v.option("coverage", m.coverage);
  v.option("stale", m.stale);
  v.option("tuned_at", m.tunedAt);
  v.option("job", m.job);
}

template <typename V> void fields(V& v, Trial& m) {
  v("kernel", m.kernel);
  v("sizes", m.sizes);
  v("device", m.device);
  v.option("target", m.target);
  v("configuration", m.configuration);
  v("outcome", m.outcome);
  v.option("reason", m.reason);
  v("seconds", m.seconds);
  v("interval", m.interval);
  v.option("repeats", m.repeats);
  v.option("compile_seconds", m.compileSeconds);
  v.option("resources", m.resources);
  v.option("artefact", m.artefact);
  v.option("abandoned", m.abandoned);
  v.option("cached", m.cached);
  v.option("measured_at", m.measuredAt);
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
  v("name", m.name);
  v.option("language", m.language);
  v.option("entry", m.entry);
  v("sizes", m.sizes);
  v("parameters", m.parameters);
  v.option("configurations", m.configurations);
  v.option("default", m.defaults);
}

template <typename V> void fields(V& v, DeviceStatus& m) {
  v("id", m.id);
  v("name", m.name);
  v("architecture", m.architecture);
  v.option("multiprocessors", m.multiprocessors);
  v.option("memory_bytes", m.memoryBytes);
  v.option("shared_bytes_limit", m.sharedBytesLimit);
  v.option("cache_bytes", m.cacheBytes);
  v.option("driver", m.driver);
  v("available", m.available);
  v.option("reason", m.reason);
  v.option("job", m.job);
}

template <typename V> void fields(V& v, ServiceStatus& m) {
  v("version", m.version);
  v("pid", m.pid);
  v.option("uptime_seconds", m.uptimeSeconds);
  v.option("socket", m.socket);
  v.option("cache", m.cache);
  v.option("cache_bytes", m.cacheBytes);
  v.option("kernels", m.kernels);
  v.option("trials", m.trials);
  v.option("winners", m.winners);
  v.option("artefacts", m.artefacts);
  v.option("jobs_running", m.jobsRunning);
  v.option("jobs_queued", m.jobsQueued);
  v.option("compile_workers", m.compileWorkers);
  v("ready", m.ready);
  v.option("problems", m.problems);
  v.option("devices", m.devices);
}

template <typename V> void fields(V& v, KernelList& m) {
  v("kernels", m.kernels);
}
template <typename V> void fields(V& v, JobList& m) {
  v("jobs", m.jobs);
  v.option("next", m.next);
}
template <typename V> void fields(V& v, TrialList& m) {
  v("trials", m.trials);
}
template <typename V> void fields(V& v, WinnerList& m) {
  v("winners", m.winners);
}
template <typename V> void fields(V& v, DeviceList& m) {
  v("devices", m.devices);
}

/// The messages that stand alone on the wire, by the names of their schemas.
// clang-format off
#define TUNED_PROTOCOL_MESSAGES(X) \
  X(BestRequest) \
  X(TuneRequest) \
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
  X(Launch) \
  X(Resources) \
  X(Verdict) \
  X(Budget) \
  X(Interval) \
  X(ParameterSlot)
// clang-format on

} // namespace tuned::protocol
