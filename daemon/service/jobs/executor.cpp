#include "daemon/service/jobs/executor.h"

#include "base/clock.h"
#include "base/model/json.h"
#include "daemon/service/answers/convert.h"
#include "daemon/worker/channel/messages.h"

#include <algorithm>
#include <cmath>
#include <spdlog/spdlog.h>
#include <utility>

namespace tuned {

using nlohmann::json;

namespace {

json problemJson(const char* op, const Problem& problem) {
  return {{"op", op},
          {"problem", problem.id},
          {"kernel", problem.document},
          {"sizes", problem.sizes},
          {"target", problem.compileTarget}};
}

/// What a worker says of its time, as far as it can be true.
PhaseSeconds phasesIn(const json& answer) {
  PhaseSeconds out;
  const auto told = answer.find("phases");
  if (told == answer.end() || !told->is_object()) return out;
  for (const char* phase : {"inputs", "reference", "load", "verify", "time", "energy"})
    if (const auto seconds = told->find(phase); seconds != told->end() && seconds->is_number())
      if (const double value = *seconds; std::isfinite(value) && value >= 0) out[phase] = value;
  return out;
}

/// What is kept and told of a measurement.
void shorten(Measurement& measurement) {
  for (std::string* text : {&measurement.reason, &measurement.verdict.reason, &measurement.verdict.reference,
                            &measurement.verdict.state})
    *text = shortened(std::move(*text));
  if (!std::isfinite(measurement.measureSeconds)) measurement.measureSeconds = 0;
}

/// Whether a time can be one: what is not would spoil the search's order and its model.
bool possible(const Timed& timed) {
  const auto time = [](double seconds) { return std::isfinite(seconds) && seconds > 0; };
  return time(timed.median) && std::isfinite(timed.low) && std::isfinite(timed.high) && timed.repeats >= 0 &&
         (!timed.joules || (std::isfinite(*timed.joules) && *timed.joules >= 0));
}

/// One of the answers of a worker, which may be in the hands of what it ran: nothing about its shape is
/// certain. A verdict that was asked for alone comes without a time.
Result<Measured> measuredFromJson(const json& answers, size_t index, bool withTime = true) {
  try {
    const json& answer = answers.at(index);
    auto measurement = model::fromJson<Measurement>(answer);
    if (measurement) shorten(*measurement);
    auto trial = measurement ? fromMeasurement(*measurement) : fail(measurement.error());
    if (!trial) return fail(trial.error());
    if (withTime && trial->timed() && !possible(*trial->timed()))
      return fail(ErrorKind::Faulted, "the worker tells times that cannot be");
    Measured out{std::move(trial->outcome), std::move(trial->verdict), trial->measureSeconds,
                 phasesIn(answer)};
    if (auto outputs = answer.find("outputs"); outputs != answer.end())
      out.outputs = outputs->get<uint64_t>();
    out.canJudge = answer.value("can_judge", true);
    return out;
  } catch (const json::exception& error) {
    return fail(ErrorKind::Faulted, std::string("the worker's answer is malformed: ") + error.what());
  }
}

/// So many times more after disturbances, and then what came of it is marked.
constexpr int mostAgain = 2;
constexpr auto betweenLooks = std::chrono::milliseconds(500);
constexpr double lookSeconds = 10;

void mark(Measured& measured, const std::string& disturbed) {
  if (auto* timed = std::get_if<Timed>(&measured.outcome)) timed->disturbed = disturbed;
}

Measured failed(const Error& error, double seconds) {
  return {outcomeOf(error, false), {}, seconds};
}

} // namespace

WorkerExecutor::WorkerExecutor(Builder& builder, WorkerPool& device, CoreGate& gate, Problem problem,
                               WorkerLimits limits, bool anew, bool energy, std::stop_source stop)
    : builder_(builder), device_(device), gate_(gate), problem_(std::move(problem)), limits_(limits),
      anew_(anew), energy_(energy), stop_(std::move(stop)) {
  for (int i = 0; i < builder_.slots(); ++i)
    threads_.emplace_back([this] { compileLoop(); });
}

WorkerExecutor::~WorkerExecutor() {
  cancel();
}

void WorkerExecutor::cancel() {
  stop_.request_stop();
  threads_.clear();
}

void WorkerExecutor::compile(std::span<const Configuration> configurations) {
  std::lock_guard guard(mutex_);
  waiting_.insert(waiting_.end(), configurations.begin(), configurations.end());
  queued_.notify_all();
}

void WorkerExecutor::compileLoop() {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!queued_.wait(lock, stop_.get_token(), [&] { return !waiting_.empty(); })) return;
    if (stop_.stop_requested()) return;
    Configuration configuration = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    waitWhilePaused();
    auto start = std::chrono::steady_clock::now();
    auto leave = [&](int64_t registers) {
      const std::scoped_lock guard(mutex_);
      return passOver_ && passOver_(configuration, registers);
    };
    auto made = builder_.make(problem_, configuration, anew_, stop_.get_token(), leave);
    if (!made) note(made.error());
    const double seconds = secondsSince(start);
    Compiled compiled{configuration, "", made ? made->artefact : nullptr, Refused{}, seconds};
    compiled.passedOver = made && made->left;
    if (compiled.passedOver)
      compiled.failure = Refused{"it needs about " + std::to_string(*made->left) + " registers a thread"};
    else if (made && !made->artefact)
      compiled.failure = failureOf(made->build);
    lock.lock();
    if (made && !made->left) builds_[{configuration, ""}] = made->id;
    compiled_.push_back(std::move(compiled));
    ready_.notify_one();
  }
}

void WorkerExecutor::passOver(PassOver which) {
  const std::scoped_lock guard(mutex_);
  passOver_ = std::move(which);
}

std::optional<Compiled> WorkerExecutor::nextCompiled(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (!ready_.wait_for(lock, stop_.get_token(), patience, [&] { return !compiled_.empty(); }))
    return std::nullopt;
  Compiled out = std::move(compiled_.front());
  compiled_.pop_front();
  return out;
}

/// An error that says nothing of the variant ends the search before it is taken for the variant's.
void WorkerExecutor::note(const Error& error) {
  if (stop_.stop_requested()) return;
  {
    std::lock_guard guard(mutex_);
    if (!broken_) broken_ = error;
  }
  stop_.request_stop();
}

void WorkerExecutor::introduce(const Configuration& configuration, const std::string& origin, int64_t build) {
  std::lock_guard guard(mutex_);
  builds_[{configuration, origin}] = build;
}

int64_t WorkerExecutor::buildOf(const Configuration& configuration, const std::string& origin) const {
  std::lock_guard guard(mutex_);
  auto found = builds_.find({configuration, origin});
  return found == builds_.end() ? 0 : found->second;
}

std::optional<Error> WorkerExecutor::broken() const {
  std::lock_guard guard(mutex_);
  return broken_;
}

void WorkerExecutor::attend(DeviceWatch& watch, double quietSeconds, Waiting waiting) {
  watch_ = &watch;
  quietLeft_ = quietSeconds;
  tellWaiting_ = std::move(waiting);
}

void WorkerExecutor::waitWhilePaused() {
  if (!watch_ || !watch_->paused()) return;
  tellWaiting_("paused");
  watch_->waitWhilePaused(stop_.get_token());
  tellWaiting_("");
}

/// Why what was just measured cannot be believed. The worker looks at its device now and then, and says what
/// it saw with the answer.
std::string WorkerExecutor::disturbanceIn(const json& answer) {
  try {
    auto state = model::fromJson<DeviceState>(answer.at(0).at("state"));
    if (!state) return "";
    constexpr size_t mostWords = 8;
    if (state->slowed.size() > mostWords) state->slowed.resize(mostWords);
    for (std::string& why : state->slowed)
      why = shortened(std::move(why));
    watch_->saw(problem_.device, *state);
    return disturbance(*state);
  } catch (const json::exception&) {
    return ""; // it did not look
  }
}

/// Whether the device became quiet within the time that is allowed for it.
bool WorkerExecutor::waitForQuiet(const std::string& why) {
  tellWaiting_("waiting: " + why);
  const auto start = std::chrono::steady_clock::now();
  bool quiet = false;
  while (!quiet && secondsSince(start) < quietLeft_ && !stop_.stop_requested()) {
    std::this_thread::sleep_for(betweenLooks);
    auto seen = device_.call(problem_.id + "state", problemJson("state", problem_), lookSeconds,
                             stop_.get_token(), problem_.owner);
    if (!seen) break;
    quiet = disturbanceIn(*seen).empty();
  }
  tellWaiting_("");
  quietLeft_ = std::max(0.0, quietLeft_ - secondsSince(start));
  return quiet;
}

Result<json> WorkerExecutor::callUndisturbed(const char* op, const std::string& key,
                                             std::span<const MeasureRequest> requests, double seconds,
                                             std::string& disturbed) {
  for (int again = 0;; ++again) {
    auto answer = callDevice(op, key, requests, seconds);
    if (!watch_ || !answer) return answer;
    disturbed = disturbanceIn(*answer);
    // A CPU's launches were made again one by one, and others work on one as a rule: waiting helps little.
    if (disturbed.empty() || problem_.exclusive) return answer;
    if (again == mostAgain || stop_.stop_requested()) return answer;
    if (!waitForQuiet(disturbed)) return answer;
  }
}

Result<json> WorkerExecutor::callDevice(const char* op, const std::string& key,
                                        std::span<const MeasureRequest> requests, double seconds) {
  json request = problemJson(op, problem_);
  request["seconds"] = seconds;
  for (const MeasureRequest& one : requests)
    request["variants"].push_back({{"configuration", one.configuration},
                                   {"artefact", artefactToJson(*one.artefact)},
                                   {"best", one.best.value_or(0)},
                                   {"energy", one.energy}});
  waitWhilePaused();
  std::unique_lock<CoreGate> cores(gate_, std::defer_lock);
  if (problem_.exclusive) cores.lock();
  auto answer = device_.call(key, request, seconds, stop_.get_token(), problem_.owner);
  const bool gone = !answer && answer.error().kind == ErrorKind::Unavailable && deviceIsGone();
  if (gone || (!answer && device_.closed())) note(answer.error());
  if (!watch_ || device_.closed()) return answer;
  if (answer && watch_->bringBack(problem_.device))
    spdlog::info("device {} is in use again", problem_.device);
  if (gone && watch_->takeOut(problem_.device, answer.error().text()))
    spdlog::error("device {} is out of use: {}", problem_.device, answer.error().text());
  return answer;
}

/// Asked of a fresh worker: one that has run a kernel may be in its hands, and this decides for everybody. It
/// may also have been one build alone that the device's driver is too old for.
bool WorkerExecutor::deviceIsGone() {
  device_.discard();
  auto seen = device_.call(problem_.id + "state", problemJson("state", problem_), lookSeconds,
                           stop_.get_token(), problem_.owner);
  return !seen && seen.error().kind == ErrorKind::Unavailable;
}

/// The worker's inputs and expected outputs are made while the first variants compile.
void WorkerExecutor::prepare() {
  threads_.emplace_back([this] {
    waitWhilePaused();
    json request = problemJson("prepare", problem_);
    request["seconds"] = limits_.measureSeconds;
    request["energy"] = energy_;
    auto ready = device_.call(problem_.id + "prepare", request, limits_.measureSeconds, stop_.get_token(),
                              problem_.owner);
    if (ready && ready->is_array() && !ready->empty()) {
      const std::scoped_lock lock(mutex_);
      prepared_ = phasesIn(ready->at(0));
    }
    // What is wrong with the kernel is said again when a variant of it is measured.
    if (!ready && energy_ && ready.error().kind == ErrorKind::Unsupported) note(ready.error());
  });
}

Measured WorkerExecutor::measure(const MeasureRequest& request) {
  const auto start = std::chrono::steady_clock::now();
  std::string disturbed;
  auto answer = callUndisturbed("measure", problem_.id + toKey(request.configuration), {&request, 1},
                                limits_.measureSeconds, disturbed);
  Measured measured = measuredIn(answer, start, true);
  mark(measured, disturbed);
  return measured;
}

Measured WorkerExecutor::judge(const MeasureRequest& request) {
  const auto start = std::chrono::steady_clock::now();
  const auto answer =
      callDevice("judge", problem_.id + toKey(request.configuration), {&request, 1}, limits_.measureSeconds);
  return measuredIn(answer, start, false);
}

/// What came of one variant.
Measured WorkerExecutor::measuredIn(const Result<json>& answer, std::chrono::steady_clock::time_point start,
                                    bool withTime) {
  auto measured = answer ? measuredFromJson(*answer, 0, withTime) : fail(answer.error());
  // A context that has faulted is not used again, even if its process lives; nor is one that says nonsense.
  const bool lied = answer && !measured;
  if (lied || (measured && std::holds_alternative<Faulted>(measured->outcome))) device_.discard();
  Measured out = measured ? *measured : failed(measured.error(), secondsSince(start));
  addPrepared(out.phases, secondsSince(start));
  return out;
}

/// The first measurement may have waited for the preparation: as much of that as fits between what the worker
/// says of the measurement itself and the `elapsed` seconds.
void WorkerExecutor::addPrepared(PhaseSeconds& phases, double elapsed) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [phase, seconds] : phases)
    elapsed -= seconds;
  for (const auto& [phase, seconds] : std::exchange(prepared_, {})) {
    const double waited = std::clamp(elapsed, 0.0, seconds);
    phases[phase] += waited;
    elapsed -= waited;
  }
}

std::vector<Measured> WorkerExecutor::duel(std::span<const MeasureRequest> requests) {
  auto start = std::chrono::steady_clock::now();
  double seconds = limits_.measureSeconds * static_cast<double>(requests.size());
  std::string disturbed;
  auto answer = callUndisturbed("duel", problem_.id + "duel", requests, seconds, disturbed);
  std::vector<Measured> out;
  for (size_t i = 0; i < requests.size(); ++i) {
    auto measured = answer ? measuredFromJson(*answer, i) : fail(answer.error());
    if (measured) mark(*measured, disturbed);
    out.push_back(measured ? *measured : failed(measured.error(), secondsSince(start)));
  }
  return out;
}

} // namespace tuned
