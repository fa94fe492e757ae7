#include "daemon/http/routes.h"

#include "client/protocol/json.h"
#include "client/protocol/problem.h"
#include "client/protocol/routes.h"
#include "daemon/http/handlers.h"

#include <charconv>
#include <cstring>

namespace tuned {

namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Takes the next piece up to `separator` off the front.
std::string_view take(std::string_view& text, char separator) {
  size_t end = text.find(separator);
  std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return piece;
}

std::map<std::string, std::string> queryOf(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    std::string_view pair = take(text, '&');
    std::string_view name = take(pair, '=');
    out[decoded(name)] = decoded(pair);
  }
  return out;
}

/// Whether the path has the pattern's form; fills in what stands for {…}.
bool matches(std::string_view pattern, std::string_view path, std::map<std::string, std::string>& values) {
  values.clear();
  while (!pattern.empty() && !path.empty()) {
    std::string_view want = take(pattern, '/'), got = take(path, '/');
    if (want.starts_with('{')) {
      if (got.empty()) return false;
      values[std::string(want.substr(1, want.size() - 2))] = decoded(got);
    } else if (want != got) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

const Router::Entry* entryOf(const char* route) {
  for (const Router::Entry& entry : handlers())
    if (std::strcmp(entry.route, route) == 0) return &entry;
  return nullptr;
}

} // namespace

Router::Router(Service& service)
    : service_(service), entries_(service.options().cache + "/entries"), studies_(entries_) {}

HttpResponse Router::problem(const Error& error, int status) {
  return {status ? status : protocol::httpStatus(error.kind), "application/problem+json",
          protocol::problemText(error, status)};
}

HttpResponse Router::mayNotSubmit(const Peer& peer) {
  return problem(
      {ErrorKind::Denied,
       "user " + std::to_string(peer.uid) + " may ask this daemon, but not bring it kernels", std::nullopt,
       "ask for a kernel that is known, by id or name; the daemon's submit_group says who may submit"});
}

/// Where a request leads.
struct Router::Found {
  const protocol::Route* route = nullptr;
  const Entry* entry = nullptr; ///< null: nowhere
  std::map<std::string, std::string> path;
  std::string allow; ///< methods of this path
};

Router::Found Router::find(const HttpRequest& request) const {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  Found found;
  for (const protocol::Route& route : protocol::routes()) {
    if (!matches(route.path, path, found.path)) continue;
    if (request.method != route.method) {
      found.allow += (found.allow.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    found.route = &route;
    found.entry = entryOf(route.name);
    break;
  }
  return found;
}

HttpResponse Router::call(Found& found, const HttpRequest& request) {
  const size_t question = request.target.find('?');
  if (found.entry && found.entry->rights == Rights::Submit && !request.peer.maySubmit())
    return mayNotSubmit(request.peer);
  if (found.entry) {
    std::string_view query;
    if (question != std::string::npos) query = std::string_view(request.target).substr(question + 1);
    return found.entry->handler(service_, {std::move(found.path), queryOf(query), request.body, request,
                                           found.route->status, entries_, studies_});
  }
  if (found.allow.empty())
    return problem({ErrorKind::NotFound, "there is nothing at " + request.target.substr(0, question),
                    std::nullopt, "see /v1/openapi.json"});
  HttpResponse out = problem(
      {ErrorKind::InvalidInput, request.method + " is not allowed here", std::nullopt, "use " + found.allow},
      405);
  out.allow = found.allow;
  return out;
}

std::optional<HttpResponse> Router::quick(const HttpRequest& request) {
  if (request.method == "POST" && request.target == "/v1/best") {
    auto known = service_.hit(request.body, request.user());
    if (!known) return std::nullopt;
    HttpResponse out;
    out.shared = std::move(known);
    return out;
  }
  Found found = find(request);
  if (found.entry && (!found.entry->quick || (found.entry->devices && service_.looking())))
    return std::nullopt;
  return call(found, request);
}

bool Router::needsDevices(const HttpRequest& request) const {
  const Found found = find(request);
  return found.entry && found.entry->devices;
}

HttpResponse Router::handle(const HttpRequest& request) {
  Found found = find(request);
  if (service_.looking() && found.entry && found.entry->devices)
    return problem({ErrorKind::Unavailable, "the daemon is still looking for its devices", std::nullopt,
                    "ask again in a moment; a driver that hangs is given up after a minute"});
  return call(found, request);
}

} // namespace tuned
