#include "daemon/http/upkeep.h"

#include "base/clock.h"
#include "base/model/upkeep.h"
#include "client/protocol/json.h"
#include "daemon/bundle/check_cache.h"

#include <limits>
#include <mutex>

namespace tuned {

namespace {
std::mutex one; // goes through the cache at a time

std::unexpected<Error> busy() {
  return fail(ErrorKind::Unavailable, "the cache is being checked or cleaned already", "ask again later");
}

Result<CacheCheck> check(Service& service) {
  const std::unique_lock only(one, std::try_to_lock);
  if (!only) return busy();
  return bundle::checkCache(service.store(), [&] { return service.ending(); });
}

Result<Collected> collect(Service& service, const std::string& body) {
  constexpr int64_t any = std::numeric_limits<int64_t>::max();
  auto request = protocol::fromText<CollectRequest>(body);
  if (!request) return fail(request.error());
  if (!request->maxBytes && !request->maxAgeSeconds)
    return fail(ErrorKind::InvalidInput, "nothing says what is to go",
                "give 'max_bytes', 'max_age_seconds' or both");
  if (request->maxBytes.value_or(0) < 0) return fail(ErrorKind::InvalidInput, "max_bytes: below 0");
  if (request->maxAgeSeconds.value_or(0) < 0)
    return fail(ErrorKind::InvalidInput, "max_age_seconds: below 0");
  const std::unique_lock only(one, std::try_to_lock);
  if (!only) return busy();
  auto gone = service.store().collect(request->maxBytes.value_or(any),
                                      request->maxAgeSeconds ? unixNow() - *request->maxAgeSeconds : 0,
                                      [&] { return service.ending(); });
  return gone ? Result<Collected>(Collected{gone->artefacts, gone->bytes}) : fail(gone.error());
}

template <typename Message> HttpResponse reply(const Result<Message>& message, int status) {
  if (!message) return Router::problem(message.error());
  return {status, "application/json", protocol::toText(*message)};
}
} // namespace

HttpResponse verifyCache(Service& service, const Router::Call& call) {
  return reply(check(service), call.status);
}

HttpResponse collectBinaries(Service& service, const Router::Call& call) {
  return reply(collect(service, call.body), call.status);
}

} // namespace tuned
