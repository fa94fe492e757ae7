#include "client/client.h"

#include "base/sha256.h"
#include "client/answer_cache.h"
#include "client/endpoint.h"
#include "client/http.h"
#include "client/notice.h"
#include "client/protocol/events.h"
#include "client/protocol/json.h"
#include "client/protocol/problem.h"
#include "client/protocol/speaker.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <thread>

namespace tuned::client {

using namespace protocol;

namespace {
/// What to do where daemon and client do not understand each other; `daemon`: who it says that it is.
std::string otherVersion(const std::string& daemon) {
  return "daemon and client are of different versions: the daemon is " +
         (daemon.empty() ? "one that does not say which" : daemon) + ", this client " + speaker() +
         "; upgrade the older (`tunectl version` tells both), and restart the daemon";
}

/// The error that an answer says. Where the daemon is not of this client's version, a request that it does
/// not know or take may only be of the other one.
Error refusal(const Response& response) {
  Error error = errorFromProblem(response.body, response.status);
  const bool perhaps = error.kind == ErrorKind::InvalidInput || error.kind == ErrorKind::Unsupported ||
                       error.kind == ErrorKind::Internal || response.status == 404 || response.status == 405;
  if (perhaps && !response.server.empty() && response.server != speaker())
    error.remedy += (error.remedy.empty() ? "" : "; or else ") + otherVersion(response.server);
  return error;
}

using Parameters = std::vector<std::pair<const char*, std::string>>;
} // namespace

struct Client::State {
  State(std::string socket, double seconds)
      : http(std::move(socket)), timeout(seconds),
        cache([this](const Question& question) { return ask(question); }) {}

  Http http;
  double timeout;
  AnswerCache cache;

  /// What a 2xx answer says; an error when the daemon says one.
  Result<Response> fetch(const Request& request, double seconds) {
    auto response = http.send(request, in(seconds));
    if (response && response->status >= 300) return fail(refusal(*response));
    return response;
  }

  /// What an answer to `path` says.
  template <typename Message> static Result<Message> read(const std::string& path, const Response& response) {
    auto message = fromText<Message>(response.body);
    if (!message)
      return fail(ErrorKind::Unsupported,
                  "the daemon's answer to " + path + " is not what it should be: " + message.error().message,
                  otherVersion(response.server));
    return message;
  }
  template <typename Message> Result<Message> get(const Request& request, double seconds) {
    const auto response = fetch(request, seconds);
    if (!response) return fail(response.error());
    return read<Message>(request.path, *response);
  }
  template <typename Message> Result<Message> get(const std::string& path) {
    return get<Message>({"GET", path, {}}, timeout);
  }
  /// A list, page by page: the whole of it, or so many rows where `most` is above 0.
  template <typename List, typename Row>
  Result<List> pages(const std::string& path, Parameters parameters, std::vector<Row> List::*rows,
                     int64_t most = 0);

  Result<Answer> ask(const Question& question) {
    BestRequest request;
    request.kernel = question.kernel;
    request.sizes = question.sizes;
    request.device = question.device;
    return get<Answer>({"POST", "/v1/best", toText(request)}, timeout);
  }
};

namespace {
std::string withQuery(std::string path, const Parameters& parameters) {
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path += separator + std::string(name) + "=" + encode(value);
    separator = '&';
  }
  return path;
}

double secondsUntil(Deadline when) {
  return std::chrono::duration<double>(when - std::chrono::steady_clock::now()).count();
}

/// Follows a job over streams that may end before it does, each of which goes on where the last one ended.
class Follower {
public:
  Follower(const std::string& job, const Progress& progress)
      : path_("/v1/jobs/" + encode(job) + "/events"), progress_(progress) {}

  /// One stream, to its end.
  Result<Response> follow(Http& http) {
    parser_ = {};
    heard_ = false;
    return http.stream(
        {"GET", path_, {}, lastId_}, idleSeconds, [this](std::string_view piece) -> Result<bool> {
          const auto fed = parser_.feed(piece, [this](const Event& event) { return take(event); });
          if (!fed) return fail(fed.error());
          if (!parser_.lastId().empty()) lastId_ = parser_.lastId();
          return !over_;
        });
  }
  /// Seconds until the daemon, which needs the place for others or has none, wants to be asked again; 0: it
  /// says nothing, or has had no place for too long.
  double comesAgain(const Result<Response>& response) {
    if (heard_ || parser_.comeAgain()) patience_ = in(idleSeconds);
    double wait = 0;
    if (parser_.comeAgain())
      wait = std::chrono::duration<double>(*parser_.comeAgain()).count();
    else if (response && std::chrono::steady_clock::now() < patience_)
      wait = response->retryAfter;
    return std::min(wait, idleSeconds);
  }
  bool over() const { return over_; }
  /// Whether the last stream told anything.
  bool heard() const { return heard_; }
  const JobStatus& last() const { return last_; }

private:
  static constexpr double idleSeconds = 60;

  Result<void> take(const Event& event) {
    if (over_) return {}; // of the same piece as the last one
    last_ = event.job;
    heard_ = true;
    const bool followOn = !progress_ || progress_(event);
    over_ = event.name == "done" || !followOn;
    return {};
  }

  const std::string path_;
  const Progress& progress_;
  EventParser parser_;
  std::string lastId_;
  JobStatus last_;
  Deadline patience_ = in(idleSeconds);
  bool over_ = false, heard_ = false;
};
} // namespace

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const ConnectOptions& options) {
  auto state = std::make_unique<State>(socketPath(options.socket), options.timeout);
  if (auto opened = state->http.open(in(options.timeout)); !opened) return fail(opened.error());
  return Client(std::move(state));
}

Result<AnswerPointer> Client::best(const std::string& kernel, const Values& sizes,
                                   const std::string& device) {
  if (auto known = state_->cache.find({kernel, device, &sizes})) return known;
  const Question question{kernel, device, sizes};
  auto answer = state_->ask(question);
  if (!answer) return fail(answer.error());
  return state_->cache.insert(question, std::move(*answer));
}

Result<Answer> Client::ask(const BestRequest& request) {
  const Deadline until = in(request.wait);
  for (BestRequest now = request;;) {
    const Request post{"POST", "/v1/best", toText(now)};
    const auto response = state_->http.send(post, in(state_->timeout + now.wait));
    if (!response) return fail(response.error());
    // One that waits may have to give its place up: it waits on when it has come again.
    const double left = secondsUntil(until) - response->retryAfter;
    if (response->retryAfter > 0 && left > 0 && sleepFor(response->retryAfter)) {
      now.wait = left;
      continue;
    }
    if (response->status >= 300) return fail(refusal(*response));
    return State::read<Answer>(post.path, *response);
  }
}

Result<JobStatus> Client::start(const TuneRequest& request) {
  return state_->get<JobStatus>({"POST", "/v1/tune", toText(request)}, state_->timeout);
}

Result<JobStatus> Client::tune(const TuneRequest& request, const Progress& progress) {
  auto job = start(request);
  if (!job) return job;
  return watch(job->id, progress);
}

Result<JobStatus> Client::watch(const std::string& id, const Progress& progress) {
  Follower follower(id, progress);
  for (int broken = 0; !follower.over();) {
    const auto response = follower.follow(state_->http);
    if (follower.over()) break;
    if (follower.heard()) broken = 0;
    if (const double wait = follower.comesAgain(response); wait > 0 && sleepFor(wait)) continue;
    if (response && response->status >= 300) return fail(refusal(*response));
    if (!response && !mayWait()) return fail(response.error());
    if (!response && response.error().kind != ErrorKind::Unavailable &&
        response.error().kind != ErrorKind::TimedOut)
      return fail(response.error());
    // A stream that broke may only have been cut: look whether the job lives on, a few times.
    if (++broken > 3)
      return fail(
          response
              ? Error{ErrorKind::Unavailable, "the daemon keeps ending the event stream", std::nullopt, {}}
              : response.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(100 * broken));
  }
  const JobStatus& last = follower.last();
  // One that was measured with energy answers another question than best() asks.
  if (last.answer && !last.answer->joules) state_->cache.replace(*last.answer);
  return last;
}

Result<JobStatus> Client::cancel(const std::string& job) {
  return state_->get<JobStatus>({"DELETE", "/v1/jobs/" + encode(job), {}}, state_->timeout);
}

Result<KernelInfo> Client::submit(const std::string& document) {
  return state_->get<KernelInfo>({"POST", "/v1/kernels", document}, state_->timeout);
}

Result<BuildInfo> Client::addBuild(const BuildRequest& request) {
  return state_->get<BuildInfo>({"POST", "/v1/builds", toText(request)}, state_->timeout);
}

Result<Explanation> Client::explain(const ExplainRequest& request) {
  return state_->get<Explanation>({"POST", "/v1/explain", toText(request)}, state_->timeout);
}

Result<StudyInfo> Client::openStudy(const StudyRequest& request) {
  return state_->get<StudyInfo>({"POST", "/v1/studies", toText(request)}, state_->timeout);
}

Result<StudyInfo> Client::study(const std::string& id) {
  return state_->get<StudyInfo>({"GET", "/v1/studies/" + encode(id), {}}, state_->timeout);
}

Result<AskAnswer> Client::ask(const std::string& study, int64_t count) {
  return state_->get<AskAnswer>({"POST", "/v1/studies/" + encode(study) + "/ask", toText(AskRequest{count})},
                                state_->timeout);
}

Result<StudyInfo> Client::tell(const std::string& study, const TellRequest& results) {
  return state_->get<StudyInfo>({"POST", "/v1/studies/" + encode(study) + "/tell", toText(results)},
                                state_->timeout);
}

Result<StudyInfo> Client::closeStudy(const std::string& id) {
  return state_->get<StudyInfo>({"DELETE", "/v1/studies/" + encode(id), {}}, state_->timeout);
}

Result<Forgotten> Client::forget(const ForgetRequest& request) {
  return state_->get<Forgotten>({"POST", "/v1/forget", toText(request)}, state_->timeout);
}

Result<KernelInfo> Client::kernel(const std::string& id) {
  return state_->get<KernelInfo>("/v1/kernels/" + encode(id));
}

Result<std::string> Client::artefact(const std::string& hash) {
  auto got = state_->fetch({"GET", "/v1/artefacts/" + encode(hash), {}}, state_->timeout);
  if (!got) return fail(got.error());
  if (const std::string seen = tuned::sha256(got->body); seen != hash)
    return fail(ErrorKind::Internal, "artefact " + hash + " came damaged: its SHA-256 is " + seen);
  return std::move(got->body);
}

template <typename List, typename Row>
Result<List> Client::State::pages(const std::string& path, Parameters parameters,
                                  std::vector<Row> List::*rows, int64_t most) {
  constexpr int64_t page = 1000;
  List out;
  int64_t left = most > 0 ? most : std::numeric_limits<int64_t>::max();
  parameters.insert(parameters.end(), {{"after", ""}, {"limit", ""}});
  do {
    parameters[parameters.size() - 2].second = out.next;
    parameters.back().second = std::to_string(std::min(left, page));
    auto more = get<List>(withQuery(path, parameters));
    if (!more) return more;
    if (!more->next.empty() && more->next == out.next)
      return fail(ErrorKind::Internal, path + ": the page behind '" + out.next + "' ends where it begins",
                  "see the daemon's log");
    out.next = std::move(more->next);
    left -= std::ssize((*more).*rows);
    std::ranges::move((*more).*rows, std::back_inserter(out.*rows));
  } while (!out.next.empty() && left > 0);
  return out;
}

Result<ServiceStatus> Client::status() {
  return state_->get<ServiceStatus>("/v1/status");
}
Result<ServiceStatus> Client::pause(bool paused) {
  return state_->get<ServiceStatus>({"POST", paused ? "/v1/pause" : "/v1/resume", {}}, state_->timeout);
}
Result<KernelList> Client::kernels() {
  return state_->pages("/v1/kernels", {}, &KernelList::kernels);
}
Result<JobList> Client::jobs() {
  // At once: a job behind which a second page begins may be forgotten meanwhile.
  return state_->get<JobList>("/v1/jobs?limit=100000");
}
Result<DeviceList> Client::devices() {
  return state_->get<DeviceList>("/v1/devices");
}

Result<WinnerList> Client::winners(const std::string& kernel, const std::string& device) {
  return state_->pages("/v1/winners", {{"kernel", kernel}, {"device", device}}, &WinnerList::winners);
}

Result<TrialList> Client::trials(const std::string& kernel, const std::string& device, const std::string& job,
                                 int64_t limit) {
  constexpr int64_t usual = 1000;
  return state_->pages("/v1/trials", {{"kernel", kernel}, {"device", device}, {"job", job}},
                       &TrialList::trials, limit > 0 ? limit : usual);
}

Result<std::string> Client::request(const std::string& method, const std::string& path,
                                    const std::string& body) {
  auto got = state_->fetch({method, path, body}, state_->timeout);
  if (!got) return fail(got.error());
  return std::move(got->body);
}

Result<std::string> Client::page(const std::string& path) {
  return request("GET", path);
}

const std::string& Client::socket() const {
  return state_->http.socket();
}

} // namespace tuned::client
