#include "daemon/http/bundles.h"

#include "daemon/bundle/exchange.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tuned {

namespace {
/// What one bundle may take of the daemon's memory; larger ones are for `tunectl --cache` and no daemon.
constexpr int64_t most = int64_t{256} << 20;

std::vector<std::string> listOf(const Router::Call& call, const char* name) {
  std::vector<std::string> out;
  const auto found = call.query.find(name);
  if (found == call.query.end()) return out;
  std::istringstream parts(found->second);
  for (std::string part; std::getline(parts, part, ',');)
    if (!part.empty()) out.push_back(part);
  return out;
}

Result<bool> flagOf(const Router::Call& call, const char* name) {
  const auto found = call.query.find(name);
  if (found == call.query.end() || found->second == "false") return false;
  if (found->second == "true") return true;
  return fail(ErrorKind::InvalidInput, "query: " + std::string(name) + " must be true or false, not '" +
                                           found->second.substr(0, 40) + "'");
}

Result<bundle::ImportReport> takeIn(Service& service, const Router::Call& call) {
  bundle::ImportRequest request;
  request.owner = call.request.user();
  for (auto& [name, flag] : {std::pair("allow_untrusted", &request.allowUntrusted),
                             {"allow_older", &request.allowOlder},
                             {"trust_measurements", &request.trustMeasurements}}) {
    auto said = flagOf(call, name);
    if (!said) return fail(said.error());
    *flag = *said;
  }
  if (auto room = service.roomForKernels(request.owner); !room) return fail(room.error());
  auto keys = bundle::loadTrusted(bundle::trustFolders());
  if (!keys) return fail(keys.error());
  request.trusted = std::move(*keys);
  request.ending = [&service] { return service.ending(); };
  auto reader = bundle::Reader::parse(call.body, most);
  if (!reader) return fail(reader.error());
  static std::mutex one; // which bundles were taken in is one file
  const std::lock_guard guard(one);
  return bundle::importBundle(service.store(), *reader, request);
}
} // namespace

HttpResponse exportBundle(Service& service, const Router::Call& call) {
  bundle::ExportRequest request;
  request.kernels = listOf(call, "kernel");
  request.targets = listOf(call, "target");
  request.most = most;
  request.ending = [&service] { return service.ending(); };
  auto bytes = bundle::exportBytes(service.store(), request);
  if (!bytes) return Router::problem(bytes.error());
  return {call.status, "application/octet-stream", std::move(*bytes)};
}

HttpResponse importBundle(Service& service, const Router::Call& call) {
  auto made = takeIn(service, call);
  if (!made) return Router::problem(made.error());
  if (!made->known) service.imported();
  nlohmann::json out = bundle::toJson(*made);
  out["words"] = bundle::inWords(*made);
  return {call.status, "application/json", out.dump()};
}

} // namespace tuned
