// Errors on the wire: problem+json (RFC 9457) to base/error.h and back.
#pragma once

#include "base/error.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace tuned::protocol {

/// 400 invalid_input, 403 denied, 404 not_found, 422 unsupported and faulted, 500 internal, 503 unavailable,
/// 504 timed_out, 507 out_of_resources.
int httpStatus(ErrorKind kind);

/// {"type", "title", "status", "kind", "detail", "remedy", "location": {"file", "line", "column"}}.
/// `status` overrides the kind's (405, 408, 413, …); 0 keeps it.
nlohmann::json problem(const Error& error, int status = 0);
std::string problemText(const Error& error, int status = 0);

/// The error a problem+json body says; a body that is none gives one with the HTTP status and the body's
/// beginning.
Error errorFromProblem(std::string_view body, int status);

} // namespace tuned::protocol
