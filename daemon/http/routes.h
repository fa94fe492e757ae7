// From a request's text to an answer's: a table of handlers behind the protocol's routes. Knows HTTP's words
// (method, path, status), but no socket.
#pragma once

#include "daemon/http/peer.h"
#include "daemon/service/service.h"
#include "daemon/service/studies/studies.h"
#include "daemon/store/entries.h"

#include <map>
#include <memory>
#include <string>

namespace tuned {

struct HttpRequest {
  std::string method, target, body;
  std::string lastEventId;
  std::string contentEncoding = {};
  Peer peer = {};
  /// The peer's number; names of kernels are looked up among its own first.
  std::string user() const { return std::to_string(peer.uid); }
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json";
  std::string body = {};
  std::shared_ptr<const std::string> shared = {}; ///< instead of body, when set
  std::string allow = {};                         ///< of a 405: the methods the path takes
  std::shared_ptr<Job> stream = {};               ///< set: a stream of this job's events follows
  size_t streamFrom = 0;
  std::shared_ptr<Job> waitFor =
      {}; ///< set: ask again when this job ends or after waitSeconds; else this answer stands
  double waitSeconds = 0;
  int retryAfter = 0; ///< seconds after which it is worth asking again; 0: not told
};

class Router {
public:
  explicit Router(Service& service);
  /// An answer that takes no disk and no worker, or nothing: then call handle() from a thread that may block.
  std::optional<HttpResponse> quick(const HttpRequest& request);
  /// Whether handle() had better wait until the service knows its devices; called earlier, it says so.
  bool needsDevices(const HttpRequest& request) const;
  /// Whether its answer takes much memory or time, and is to be made by itself.
  bool large(const HttpRequest& request) const;
  HttpResponse handle(const HttpRequest& request);

  static HttpResponse mayNotSubmit(const Peer& peer);
  /// A problem+json answer.
  static HttpResponse problem(const Error& error, int status = 0);

  struct Call {
    std::map<std::string, std::string> path, query; ///< decoded; the query has names that the route knows
    const std::string& body;
    const HttpRequest& request;
    int status;              ///< of success
    store::Entries& entries; ///< what clients keep for each other; needs no device
    Studies& studies;        ///< ask and tell; needs no device either
  };
  using Handler = HttpResponse (*)(Service&, const Call&);
  struct Entry {
    const char* route; ///< its name in the protocol
    bool quick;        ///< touches no disk and no worker: called from the loop
    bool devices;      ///< they have to be known, or the jobs that are taken up after that
    Handler handler;
    Rights rights = Rights::Ask; ///< that the peer needs
    bool large = false;          ///< made one at a time (large_answers.h)
  };

private:
  struct Found;
  Found find(const HttpRequest& request) const;
  HttpResponse call(Found& found, const HttpRequest& request);
  static Result<void> check(Found& found, const HttpRequest& request);
  Service& service_;
  store::Entries entries_;
  Studies studies_; ///< keeps what it is told among the entries
};

} // namespace tuned
