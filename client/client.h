// The C++ client of tuned: ask for the best configuration of a kernel, tune one, fetch its binary.
//
//   auto client = tuned::client::Client::connect();
//   auto kernel = client->submit(*tuned::client::loadDocument("softmax"));
//   auto answer = client->best(kernel->id, {{"rows", 4096}, {"columns", 4096}}, "cuda:0");
//   auto binary = client->artefact((*answer)->artefact);
//
// All members may be called from any thread. Every call ends within its time-out.
#pragma once

#include "base/error.h"
#include "client/protocol/messages.h"
#include "client/protocol/study.h"

#include <functional>
#include <memory>
#include <string>

namespace tuned::client {

struct ConnectOptions {
  std::string socket;  ///< empty: GPU_TUNED_SOCKET, the user's runtime folder, /run/gpu-tuned
  double timeout = 30; ///< seconds an answer may take, besides the time asked to wait for a tuning
};

/// Answers are shared and never change; a better one is another object.
using AnswerPointer = std::shared_ptr<const protocol::Answer>;

/// Called for each event of a tuning; false stops following it (the tuning goes on).
using Progress = std::function<bool(const protocol::Event&)>;

class Client {
public:
  /// Unavailable: no daemon. Denied: its socket may not be opened. Nothing is asked yet. Every later call may
  /// find the daemon Unavailable, or one of a version that answers otherwise: Unsupported.
  static Result<Client> connect(const ConnectOptions& options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// The best that is known, never waiting for a tuning. What was answered once is answered from memory in
  /// well under a microsecond; an answer with a tuning behind it is replaced in memory when that is done.
  /// `kernel` is an id or the name of a submitted kernel; `device` may be empty: the best present.
  Result<AnswerPointer> best(const std::string& kernel, const protocol::Values& sizes,
                             const std::string& device = {});
  /// The same with everything that can be asked, and always asked of the daemon.
  Result<protocol::Answer> ask(const protocol::BestRequest& request);

  /// Tunes and follows until it is done. A tuning that ends without a winner is no error here: see its state.
  /// Follows on when the connection breaks; Unavailable when the daemon has ended.
  Result<protocol::JobStatus> tune(const protocol::TuneRequest& request, const Progress& progress = {});
  /// Starts and returns at once.
  Result<protocol::JobStatus> start(const protocol::TuneRequest& request);
  Result<protocol::JobStatus> watch(const std::string& job, const Progress& progress = {});
  Result<protocol::JobStatus> cancel(const std::string& job);

  /// Takes a kernel document with its source inlined (endpoint.h, loadDocument).
  Result<protocol::KernelInfo> submit(const std::string& document);
  Result<protocol::KernelInfo> kernel(const std::string& idOrName);
  /// Brings a build of another compiler, to be measured and judged beside ours by the next tuning.
  Result<protocol::BuildInfo> addBuild(const protocol::BuildRequest& request);
  /// Why the winner is what it is. NotFound: there is none.
  Result<protocol::Explanation> explain(const protocol::ExplainRequest& request);
  /// NotFound: nothing that is known matches.
  Result<protocol::Forgotten> forget(const protocol::ForgetRequest& request);
  /// A search whose configurations the caller compiles and times by himself: what openStudy() gave is asked
  /// for proposals, and each of them is told once. What was told is kept; an equal study goes on from there.
  /// NotFound: the study is not open any more (another equal one was opened, or the daemon has ended): open
  /// it again.
  Result<protocol::StudyInfo> openStudy(const protocol::StudyRequest& request);
  Result<protocol::StudyInfo> study(const std::string& id);
  Result<protocol::AskAnswer> ask(const std::string& study, int64_t count = 1);
  Result<protocol::StudyInfo> tell(const std::string& study, const protocol::TellRequest& results);
  Result<protocol::StudyInfo> closeStudy(const std::string& id);
  /// The bytes, checked against their SHA-256.
  Result<std::string> artefact(const std::string& sha256);

  Result<protocol::ServiceStatus> status();
  /// Lets tunings wait, or go on; what is known is answered meanwhile.
  Result<protocol::ServiceStatus> pause(bool paused);
  Result<protocol::KernelList> kernels();
  Result<protocol::JobList> jobs();
  Result<protocol::DeviceList> devices();
  /// Empty strings are no filter. Lists come whole, however many pages they are; of trials the newest `limit`
  /// (0: 1000), and `next` is set where there are more.
  Result<protocol::WinnerList> winners(const std::string& kernel = {}, const std::string& device = {});
  Result<protocol::TrialList> trials(const std::string& kernel = {}, const std::string& device = {},
                                     const std::string& job = {}, int64_t limit = 0);
  /// A page as it is: "/metrics", "/v1/openapi.json".
  Result<std::string> page(const std::string& path);

  /// Any request of the daemon's interface; the answer's body.
  Result<std::string> request(const std::string& method, const std::string& path,
                              const std::string& body = {});

  const std::string& socket() const;

private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

} // namespace tuned::client
