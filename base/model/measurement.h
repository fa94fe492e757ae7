// What came of running one build on one device, and who says whether it was right.
#pragma once

#include "base/model/launch.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace tuned {

/// How far an output may be off: |got - expected| ≤ absolute + relative * |expected|. Zeros: exact.
struct Tolerance {
  double relative = 0, absolute = 0;
  bool operator==(const Tolerance&) const = default;
};

/// A median's confidence interval, seconds.
struct Interval {
  double low = 0, high = 0;
};

/// Whether the outputs were right, and who says so. Only one with checked > 0 is a proof.
struct Verdict {
  std::string reference; ///< who computed the expected outputs: "reference", "cpu"; empty: nobody
  int64_t checked = 0;   ///< output elements compared, of
  int64_t total = 0;     ///< … all elements of the outputs
  /// Largest |got - expected| / (factor * (absolute + relative * |expected|)); at most 1 passes.
  double worstError = 0;
  bool guardsIntact = false; ///< no byte before or behind any buffer was written
  /// What it was judged by, when the kernel's document says; none: each type's own.
  std::optional<Tolerance> tolerance = std::nullopt;
  /// "passed", "failed" or "unchecked"; while a search waits for the expected outputs "pending", which is
  /// neither kept nor told.
  std::string state = "unchecked";
  std::string reason = {}; ///< of a failure: which output, where, by how much
  /// Of the tolerance, which is allowed where the kernel's own sums differ by more when taken otherwise.
  double factor = 1;
};

/// One build, one device, one outcome. Times are seconds, sizes bytes.
struct Measurement {
  std::string kernel; ///< id
  std::map<std::string, int64_t> sizes;
  std::string device; ///< "cpu", "cuda:0"
  std::string target; ///< hash of what it was measured on and with: hardware, driver, compilers
  std::map<std::string, int64_t> configuration;
  std::string origin; ///< who made the build; empty: a compiler of ours, present when it was measured
  /// "timed", "compile_failed", "out_of_resources", "wrong_result", "faulted", "timed_out" or "refused"
  std::string outcome;
  std::string reason;            ///< of anything but "timed"; of that, what disturbed it
  std::optional<double> seconds; ///< median of one launch with a cold cache
  std::optional<Interval> interval;
  std::optional<double> joules; ///< of one launch, where the objective asks for it
  int64_t repeats = 0;
  bool abandoned = false; ///< measuring ended early: it was clearly slower than the best so far
  double compileSeconds = 0;
  double measureSeconds = 0; ///< wall clock: warm-up, verification and timing
  Resources resources;
  std::string artefact; ///< SHA-256 of the binary
  Verdict verdict;
  bool cached = false;    ///< known from an earlier tuning, not measured in this one
  int64_t measuredAt = 0; ///< Unix time, seconds
};

template <typename V> void fields(V& v, Tolerance& m) {
  v("relative", m.relative);
  v("absolute", m.absolute);
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
  v("tolerance", m.tolerance);
  v.option("reason", m.reason);
  v.option("factor", m.factor);
}

template <typename V> void fields(V& v, Measurement& m) {
  v("kernel", m.kernel);
  v("sizes", m.sizes);
  v("device", m.device);
  v.option("target", m.target);
  v("configuration", m.configuration);
  v.option("origin", m.origin);
  v("outcome", m.outcome);
  v.option("reason", m.reason);
  v("seconds", m.seconds);
  v("interval", m.interval);
  v("joules", m.joules);
  v.option("repeats", m.repeats);
  v.option("abandoned", m.abandoned);
  v.option("compile_seconds", m.compileSeconds);
  v.option("measure_seconds", m.measureSeconds);
  v.option("resources", m.resources);
  v.option("artefact", m.artefact);
  v.option("verdict", m.verdict);
  v.option("cached", m.cached);
  v.option("measured_at", m.measuredAt);
}

} // namespace tuned
