// Every route of the service: what the daemon serves, what the client asks, and what the OpenAPI page says.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

namespace tuned::protocol {

struct Route {
  const char* name; ///< operationId
  const char* method;
  const char* path; ///< "{id}" stands for one path segment
  const char* summary;
  const char* query;   ///< names of query parameters, separated by blanks; all optional
  const char* request; ///< schema of the body; "" none; "KernelDocument" a kernel document as JSON,
                       ///< "Bundle" a file's bytes
  const char* answer;  ///< schema of a 2xx body; "" no JSON, then `type` says what
  const char* type;    ///< content type of the answer
  int status;          ///< of success
};

std::span<const Route> routes();

/// The OpenAPI 3.1 page (GET /v1/openapi.json), made from routes() and schemas().
nlohmann::json openApi(const std::string& version);

} // namespace tuned::protocol
