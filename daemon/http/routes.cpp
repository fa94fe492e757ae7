#include "daemon/http/routes.h"

#include "client/protocol/json.h"
#include "client/protocol/problem.h"
#include "client/protocol/routes.h"
#include "daemon/http/handlers.h"

#include <charconv>
#include <cstring>

namespace tuned {

namespace {

/// Nothing: a '%' without two hexadecimal digits behind it.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
      return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
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

/// Whether `name` is among the words of `list`.
bool listed(std::string_view list, std::string_view name) {
  while (!list.empty())
    if (take(list, ' ') == name) return true;
  return false;
}

/// The query's parameters. Those that the route does not know, that come twice or without a value are errors:
/// what is passed over would be an answer to another question.
Result<std::map<std::string, std::string>> queryOf(std::string_view text, const protocol::Route& route) {
  std::map<std::string, std::string> out;
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorKind::InvalidInput, "query: " + what,
                *route.query ? std::string("parameters here: ") + route.query
                             : "this request takes no parameters");
  };
  while (!text.empty()) {
    std::string_view value = take(text, '&');
    const std::string_view name = take(value, '=');
    if (!listed(route.query, name)) return wrong("unknown parameter '" + std::string(name) + "'");
    auto plain = decoded(value);
    if (!plain) return wrong("'" + std::string(name) + "': a '%' stands before two hexadecimal digits");
    if (plain->empty()) return wrong("'" + std::string(name) + "' has no value");
    if (!out.emplace(name, std::move(*plain)).second)
      return wrong("'" + std::string(name) + "' is given twice");
  }
  return out;
}

/// Whether the path has the pattern's form; fills in what stands for {…}.
bool matches(std::string_view pattern, std::string_view path, std::map<std::string, std::string>& values) {
  values.clear();
  if (path.ends_with('/')) return false;
  while (!pattern.empty() && !path.empty()) {
    std::string_view want = take(pattern, '/'), got = take(path, '/');
    if (want.starts_with('{')) {
      auto value = decoded(got);
      if (!value || value->empty()) return false;
      values[std::string(want.substr(1, want.size() - 2))] = std::move(*value);
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
       "user " + std::to_string(peer.uid) +
           " may ask this daemon, but not bring it kernels, nor hold, check or clean it",
       std::nullopt,
       "ask for a kernel that is known, by id or name; the daemon's submit_group says who may submit"});
}

/// Where a request leads.
struct Router::Found {
  const protocol::Route* route = nullptr;
  const Entry* entry = nullptr; ///< null: nowhere
  std::map<std::string, std::string> path, query;
  std::string allow; ///< methods of this path
};

/// What every route refuses alike: parameters and bodies that it does not read. Fills in the query.
Result<void> Router::check(Found& found, const HttpRequest& request) {
  const size_t question = request.target.find('?');
  if (question != std::string::npos) {
    auto query = queryOf(std::string_view(request.target).substr(question + 1), *found.route);
    if (!query) return fail(query.error());
    found.query = std::move(*query);
  }
  if (!request.contentEncoding.empty() && request.contentEncoding != "identity")
    return fail(ErrorKind::Unsupported, "Content-Encoding: bodies are not decoded", "send the JSON as it is");
  return *found.route->request ? Result<void>() : protocol::expectNoBody(request.body);
}

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
  if (found.entry && found.entry->rights == Rights::Submit && !request.peer.maySubmit())
    return mayNotSubmit(request.peer);
  if (found.entry) {
    if (auto sound = check(found, request); !sound) return problem(sound.error());
    return found.entry->handler(service_, {std::move(found.path), std::move(found.query), request.body,
                                           request, found.route->status, entries_, studies_});
  }
  if (found.allow.empty())
    return problem({ErrorKind::NotFound,
                    "there is nothing at " + request.target.substr(0, request.target.find('?')), std::nullopt,
                    "see /v1/openapi.json"});
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

bool Router::large(const HttpRequest& request) const {
  const Found found = find(request);
  return found.entry && found.entry->large;
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
