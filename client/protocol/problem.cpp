#include "client/protocol/problem.h"

#include <nlohmann/json.hpp>

namespace tuned::protocol {

int httpStatus(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::InvalidInput:
    return 400;
  case ErrorKind::Denied:
    return 403;
  case ErrorKind::NotFound:
    return 404;
  case ErrorKind::Unsupported:
  case ErrorKind::Faulted:
    return 422;
  case ErrorKind::Unavailable:
    return 503;
  case ErrorKind::TimedOut:
    return 504;
  case ErrorKind::OutOfResources:
    return 507;
  case ErrorKind::Internal:
    break;
  }
  return 500;
}

nlohmann::json problem(const Error& error, int status) {
  std::string title = name(error.kind);
  for (char& c : title)
    if (c == '_') c = ' ';
  nlohmann::json out = {{"type", std::string("urn:gpu-tuned:") + name(error.kind)},
                        {"title", title},
                        {"status", status ? status : httpStatus(error.kind)},
                        {"kind", name(error.kind)},
                        {"detail", error.message}};
  if (!error.remedy.empty()) out["remedy"] = error.remedy;
  if (error.location)
    out["location"] = {
        {"file", error.location->file}, {"line", error.location->line}, {"column", error.location->column}};
  return out;
}

std::string problemText(const Error& error, int status) {
  // A message may quote the user's bytes; those that are no UTF-8 are replaced.
  return problem(error, status).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace {
std::string stringAt(const nlohmann::json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

unsigned numberAt(const nlohmann::json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number_unsigned() ? it->get<unsigned>() : 0;
}
} // namespace

Error errorFromProblem(std::string_view body, int status) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("detail")) {
    const ErrorKind kind = status == 404   ? ErrorKind::NotFound
                           : status == 403 ? ErrorKind::Denied
                           : status == 503 ? ErrorKind::Unavailable
                                           : ErrorKind::Internal;
    return {
        kind, "HTTP " + std::to_string(status) + ": " + std::string(body.substr(0, 200)), std::nullopt, {}};
  }
  Error error{errorKindFromName(stringAt(json, "kind")), stringAt(json, "detail"), std::nullopt,
              stringAt(json, "remedy")};
  if (const auto at = json.find("location"); at != json.end() && at->is_object())
    error.location = Location{stringAt(*at, "file"), numberAt(*at, "line"), numberAt(*at, "column")};
  return error;
}

} // namespace tuned::protocol
