// What client and daemon say to each other, as plain structs. Their JSON is in json.h; there is no transport
// here. Names of the JSON keys are those of the members in snake_case. Times are seconds, sizes are bytes.
#pragma once

#include "base/error.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tuned::protocol {

/// Sizes of a problem, or the parameters of a configuration: names to values.
using Values = std::map<std::string, int64_t>;

/// When a tuning stops; 0 is no limit. The whole space tried stops it too.
struct Budget {
  double seconds = 0;
  int64_t trials = 0;
};

/// "What is the best configuration?" Either `kernel` (an id or the name of a kernel submitted before) or
/// `document`.
struct BestRequest {
  std::string kernel; ///< kernel id, or the name under which it was last submitted
  std::string
      document; ///< a kernel document with its source inlined as "source_text"; a JSON object on the wire
  Values sizes;
  std::string device; ///< "cpu", "cuda:0"; empty: the best device present
  double wait = 0;    ///< seconds to wait for a tuned answer; then the answer is the best that is known
  bool tune = true;   ///< false: on a miss answer with what is known and start nothing
  Budget budget;      ///< of the tuning that a miss starts
};

/// Start a tuning, or join the equal one in flight.
struct TuneRequest {
  std::string kernel;
  std::string document;
  Values sizes;
  std::string device;
  std::string strategy = "exhaustive"; ///< "exhaustive" or "random"
  uint64_t seed = 0;                   ///< of the random strategy; 0: the daemon's choice
  Budget budget;
  bool force = false;       ///< try again what was tried before, failures too
  std::vector<Values> only; ///< just these configurations of the space; empty: all of it
};

/// A median's confidence interval.
struct Interval {
  double low = 0, high = 0;
};

/// Whether the outputs were right, and who says so.
struct Verdict {
  std::string state = "unchecked"; ///< "passed", "failed" or "unchecked"
  std::string reference;           ///< what computed the expected outputs: "cpu", "reference"
  int64_t checked = 0;             ///< output elements compared, of
  int64_t total = 0;               ///< … all elements of the outputs
  double worstError = 0;     ///< largest |got - expected| / (absolute + relative * |expected|); ≤ 1 passes
  bool guardsIntact = false; ///< no byte before or behind any buffer was written
  std::string reason;        ///< of a failure: which output, where, by how much
};

struct ParameterSlot {
  std::string kind = "scalar"; ///< "pointer", "scalar" or "tensor_map"
  int64_t sizeBytes = 8;
};

/// How to launch an artefact.
struct Launch {
  std::string symbol;
  std::vector<int64_t> block; ///< threads of a CTA along x, y and z
  int64_t threadsPerCta = 1;  ///< their product
  int64_t dynamicSharedBytes = 0;
  int64_t scratchBytes = 0;
  int64_t clusterSize = 1;
  std::vector<ParameterSlot> parameters; ///< in the order of the function's arguments
};

/// What an artefact takes of the machine; -1: not known.
struct Resources {
  int64_t registers = -1; ///< per thread
  int64_t sharedBytes = -1;
  int64_t spillBytes = -1;
};

/// The best that is known for (kernel, sizes, device). Also one row of the list of winners.
struct Answer {
  std::string source; ///< "cache" (a winner of this very problem), "nearest" (of other sizes) or "default"
  std::string kernel; ///< id
  std::string kernelName;
  Values sizes;
  std::string device; ///< "cpu", "cuda:0"
  std::string target; ///< what the artefact was compiled for: "sm_90a", "cpu:znver3"
  Values configuration;
  std::string artefact; ///< SHA-256; GET /v1/artefacts/{sha256}
  std::string format;   ///< "cubin" or "object"
  Launch launch;
  Resources resources;
  std::array<int64_t, 3> grid = {1, 1, 1};
  std::optional<double> seconds; ///< median of one launch with a cold cache; none when not measured
  std::optional<Interval> interval;
  std::optional<double> gigabytesPerSecond; ///< from the kernel's work expressions
  std::optional<double> gigaflopsPerSecond;
  std::optional<double> gain; ///< default's time / this one's; none when the default did not run
  Verdict verdict;
  double coverage = 0; ///< share of the space that was tried, 0 to 1
  bool stale = false;  ///< measured under another driver or assembler; timed again behind
  int64_t tunedAt = 0; ///< Unix time, seconds; 0: never
  std::string job;     ///< the tuning under way or queued for this problem; empty: none
};

/// What came of one configuration.
struct Trial {
  std::string kernel;
  Values sizes;
  std::string device;
  std::string target;
  Values configuration;
  /// "timed", "compile_failed", "out_of_resources", "wrong_result", "faulted", "timed_out" or "refused"
  std::string outcome;
  std::string reason; ///< of anything but "timed"
  std::optional<double> seconds;
  std::optional<Interval> interval;
  int64_t repeats = 0;
  double compileSeconds = 0;
  Resources resources;
  std::string artefact;
  bool abandoned = false; ///< measuring ended early: it was clearly slower than the best so far
  bool cached = false;    ///< known from an earlier tuning, not measured in this one
  int64_t measuredAt = 0; ///< Unix time, seconds
};

struct JobStatus {
  std::string id;
  std::string kernel;
  std::string kernelName;
  Values sizes;
  std::string device;
  std::string strategy;
  std::string state;          ///< "queued", "running", "done", "failed" or "cancelled"
  int64_t configurations = 0; ///< that this tuning may try at most
  int64_t tried = 0;
  Values outcomes;           ///< trials by outcome
  std::optional<Trial> best; ///< so far
  std::string phase;         ///< while running: "searching" or "duel"
  std::string stopped;       ///< once over, why: "space exhausted", "cancelled", the budget's words
  double elapsedSeconds = 0;
  std::optional<double> etaSeconds;
  std::optional<Answer> answer; ///< once done
  std::optional<Error> error;   ///< once failed
};

/// One Server-Sent Event of GET /v1/jobs/{id}/events. The stream opens with a "status" and ends after "done".
struct Event {
  std::string name; ///< "status", "trial" or "done"
  JobStatus job;
  std::optional<Trial> trial; ///< of "trial"
};

/// What the daemon knows of a kernel; the answer to a submission.
struct KernelInfo {
  std::string id;
  std::string name;
  std::string language;
  std::string entry;
  std::vector<std::string> sizes;
  std::map<std::string, std::vector<int64_t>> parameters;
  int64_t configurations = 0; ///< points of the space that the constraints leave
  Values defaults;
};

struct DeviceStatus {
  std::string id;
  std::string name;
  std::string architecture;
  int64_t multiprocessors = 0;
  int64_t memoryBytes = 0;
  int64_t sharedBytesLimit = 0;
  int64_t cacheBytes = 0;
  std::string driver;
  bool available = true;
  std::string reason; ///< why it is not available, and what to do
  std::string job;    ///< that runs on it now; empty: idle
};

/// GET /v1/status
struct ServiceStatus {
  std::string version;
  int64_t pid = 0;
  double uptimeSeconds = 0;
  std::string socket;
  std::string cache;      ///< path of the database
  int64_t cacheBytes = 0; ///< database and artefacts
  int64_t kernels = 0, trials = 0, winners = 0, artefacts = 0;
  int64_t jobsRunning = 0, jobsQueued = 0;
  int64_t compileWorkers = 0;
  bool ready = true;
  std::vector<std::string>
      problems; ///< what an operator should know: a corrupt file set aside, a full disk, …
  std::vector<DeviceStatus> devices;
};

struct KernelList {
  std::vector<KernelInfo> kernels;
};
struct JobList {
  std::vector<JobStatus> jobs;
  std::string next; ///< there are more: ask again with ?after= this
};
struct TrialList {
  std::vector<Trial> trials;
};
struct WinnerList {
  std::vector<Answer> winners;
};
struct DeviceList {
  std::vector<DeviceStatus> devices;
};

} // namespace tuned::protocol
