#include "daemon/routes.h"

#include "client/protocol/json.h"
#include "client/protocol/problem.h"
#include "client/protocol/routes.h"
#include "daemon/handlers.h"

#include <cstring>

namespace tuned {

namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::sscanf(std::string(text.substr(i + 1, 2)).c_str(), "%2x", &value) == 1) {
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

Router::Router(Service& service) : service_(service) {}

HttpResponse Router::problem(const Error& error, int status) {
  return {status ? status : protocol::httpStatus(error.kind), "application/problem+json",
          protocol::problemText(error, status)};
}

std::optional<HttpResponse> Router::dispatch(const HttpRequest& request, bool quickOnly) {
  std::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  std::string_view query = std::string_view(request.target).substr(path.size());
  if (!query.empty()) query.remove_prefix(1);
  std::string allow;
  std::map<std::string, std::string> values;
  for (const protocol::Route& route : protocol::routes()) {
    if (!matches(route.path, path, values)) continue;
    if (request.method != route.method) {
      allow += (allow.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    const Entry* entry = entryOf(route.name);
    if (!entry) break;
    if (quickOnly && !entry->quick) return std::nullopt;
    return entry->handler(service_, {std::move(values), queryOf(query), request.body, request, route.status});
  }
  if (allow.empty())
    return problem({ErrorKind::NotFound, "there is nothing at " + std::string(path), std::nullopt,
                    "see /v1/openapi.json"});
  HttpResponse out = problem(
      {ErrorKind::InvalidInput, request.method + " is not allowed here", std::nullopt, "use " + allow}, 405);
  out.allow = allow;
  return out;
}

std::optional<HttpResponse> Router::quick(const HttpRequest& request) {
  if (request.method == "POST" && request.target == "/v1/best") {
    auto known = service_.hit(request.body);
    if (!known) return std::nullopt;
    HttpResponse out;
    out.shared = std::move(known);
    return out;
  }
  return dispatch(request, true);
}

HttpResponse Router::handle(const HttpRequest& request) {
  return *dispatch(request, false);
}

} // namespace tuned
