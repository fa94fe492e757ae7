// What client and daemon say to each other, as plain structs. Their JSON is in json.h; there is no transport
// here. Names of the JSON keys are those of the members in snake_case. Times are seconds, sizes are bytes.
#pragma once

#include "base/error.h"
#include "base/model/device.h"
#include "base/model/device_state.h"
#include "base/model/measurement.h"
#include "base/model/objective.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tuned::protocol {

using tuned::DeviceInfo;
using tuned::Interval;
using tuned::Objective;
using tuned::ParameterSlot;
using tuned::Resources;
using tuned::Verdict;
using Launch = LaunchMetadata;
using Trial = Measurement;

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
  std::optional<Objective> objective; ///< none: time
  /// Conditions of builds that the caller's launch breaks: the answer's build has none like these. Where none
  /// is known, one is made that is right for any address, and proven behind.
  std::vector<LaunchCondition> without;
};

/// Start a tuning, or join the equal one in flight.
struct TuneRequest {
  std::string kernel;
  std::string document;
  Values sizes;
  std::string device;
  /// "exhaustive", "random", "local", "evolutionary", "surrogate" or "portfolio"; empty: what the effort and
  /// the size of the space ask for.
  std::string strategy;
  std::string effort; ///< "quick", "normal" or "full": when the search stops by itself; empty: normal
  uint64_t seed = 0;  ///< of strategies that draw; 0: the daemon's choice
  Budget budget;
  bool force = false;       ///< try again what was tried before, failures too
  std::vector<Values> only; ///< just these configurations of the space; empty: all of it
  /// Just the builds that are here (pre-warmed, imported) and load on the device, by whatever assembler:
  /// nothing is compiled.
  bool built = false;
  std::optional<Objective> objective; ///< what is made small; none: time
  /// Just builds that are right for any address (the launch option any_address), of what is best known.
  bool anyAddress = false;
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
  std::string origin;   ///< who made the build; empty: a compiler of ours
  std::string artefact; ///< SHA-256; GET /v1/artefacts/{sha256}
  std::string format;   ///< "cubin" or "object"
  Launch launch;
  Resources resources;
  std::array<int64_t, 3> grid = {1, 1, 1};
  std::optional<double> seconds; ///< median of one launch with a cold cache; none when not measured
  std::optional<Interval> interval;
  std::optional<double> joules;             ///< of one launch, where the objective asked for it
  std::optional<double> gigabytesPerSecond; ///< from the kernel's work expressions
  std::optional<double> gigaflopsPerSecond;
  std::optional<double> gain; ///< default's time / this one's; none when the default did not run
  Verdict verdict;
  /// Of source "nearest": how far its time is expected to be behind the best, as a share; none: not known.
  std::optional<double> expectedLoss;
  double coverage = 0; ///< share of the space that was tried, 0 to 1
  bool stale = false;  ///< measured under another driver or assembler; timed again behind
  /// Why its time cannot be quite believed: what others did on the device meanwhile; none: nothing.
  std::optional<std::string> disturbed;
  int64_t tunedAt = 0; ///< Unix time, seconds; 0: never
  std::string job;     ///< the tuning under way or queued for this problem; empty: none
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
  /// What these went into (enumerate, inputs, reference, compile, load, verify, time, search, wait); their
  /// sum.
  std::map<std::string, double> phaseSeconds;
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
  std::string
      document; ///< SHA-256 of the document as it is kept; names it exactly, where an id may have several
  std::string name;
  std::string language;
  std::string entry;
  std::vector<std::string> sizes;
  std::map<std::string, std::vector<int64_t>> parameters;
  int64_t configurations = 0; ///< points of the space that the constraints leave
  Values defaults;
  std::map<std::string, Values> targetDefaults; ///< of targets that have their own: "cpu", "sm_90a"
};

struct DeviceStatus : DeviceInfo {
  bool available = true;
  std::string reason; ///< why it is not available, and what to do
  /// What went on on it when something was last measured there, and how long ago that was.
  std::optional<DeviceState> state;
  std::optional<double> stateAge;
  std::string job; ///< the tuning that runs on it; empty: none
};

/// What to forget; empty members match all, but not all may be empty.
struct ForgetRequest {
  std::string kernel; ///< id or name; alone: the kernel itself goes, with its documents and builds
  Values sizes;       ///< empty: all
  std::string device; ///< "cuda:0"; empty: all
};

/// How much went.
struct Forgotten {
  int64_t documents = 0, builds = 0, measurements = 0;
};

/// A build that somebody else made, ready to be measured and judged beside ours. Either `kernel` or
/// `document`.
struct BuildRequest {
  std::string kernel;
  std::string document;
  Values sizes;
  std::string origin; ///< whose it is: "triton 3.6.0", "nvcc 13.0"; required
  Values configuration;
  std::string target; ///< the architecture that the binary is for: "sm_90a"
  std::string format = "cubin";
  std::string binary; ///< base64
  Launch launch;      ///< with its grid
};

/// A build that is kept now.
struct BuildInfo {
  int64_t id = 0;
  std::string artefact; ///< SHA-256
};

/// Why this winner?
struct ExplainRequest {
  std::string kernel;
  std::string document;
  Values sizes;
  std::string device;
  std::optional<Objective> objective; ///< none: time
};

/// One of the field: how far it is behind the winner.
struct Candidate {
  Measurement measurement;
  std::optional<double> behind; ///< its time / the winner's - 1
  bool finalist = false;        ///< timed against the best others
  std::string ruledOut;         ///< why it is no answer now; empty: it is one
};

/// What holds the winner back, as far as its binary and the device tell.
struct Limits {
  std::string bound;                     ///< "memory", "arithmetic", or "not known": which roof is nearer
  std::optional<double> memoryShare;     ///< of the device's peak bytes per second
  std::optional<double> arithmeticShare; ///< of the device's peak 32-bit operations per second
  std::optional<double> flopsPerByte;    ///< the kernel's, from its work expressions
  int64_t ctasPerMultiprocessor = 0;     ///< 0: not known
  std::string occupancyLimit;            ///< "threads", "registers", "shared memory", "CTAs"
  double occupancy = 0;                  ///< threads resident / threads possible, 0 to 1
  double waves = 0;                      ///< CTAs / those that run at a time
};

struct Explanation {
  Answer answer;
  Limits limits;
  std::optional<Candidate> runnerUp;
  std::vector<Candidate> field; ///< the winner first, then by time; failures last
  Values outcomes;              ///< measurements by outcome
  int64_t space = 0;            ///< configurations that the document allows at these sizes
  int64_t untried = 0;
  std::vector<Values> untriedExamples;        ///< a few of them
  std::string judge;                          ///< in words
  std::string strategy, stopped;              ///< of the last search
  std::map<std::string, double> phaseSeconds; ///< of the last search, as in JobStatus
};

/// GET /v1/status
struct ServiceStatus {
  std::string version;
  int64_t pid = 0;
  double uptimeSeconds = 0;
  std::string socket;
  std::string cache;      ///< path of the database
  bool readOnly = false;  ///< the cache is served and nothing is kept
  int64_t cacheBytes = 0; ///< database and artefacts
  int64_t kernels = 0, trials = 0, winners = 0, builds = 0, artefacts = 0;
  int64_t jobsRunning = 0, jobsQueued = 0;
  int64_t compileWorkers = 0;
  bool ready = true;
  bool paused = false; ///< tunings wait until they are resumed
  std::vector<std::string>
      problems; ///< what an operator should know: a corrupt file set aside, a full disk, …
  std::vector<DeviceStatus> devices;
};

struct KernelList {
  std::vector<KernelInfo> kernels;
  std::string next; ///< in every list: there are more; ask again with ?after= this
};
struct JobList {
  std::vector<JobStatus> jobs;
  std::string next;
};
struct TrialList {
  std::vector<Trial> trials;
  std::string next;
};
struct WinnerList {
  std::vector<Answer> winners;
  std::string next;
};
struct DeviceList {
  std::vector<DeviceStatus> devices;
};

} // namespace tuned::protocol
