#include "daemon/worker/loop.h"

#include "daemon/worker/channel/channel.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/confinement/limits.h"

#include <new>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
Result<nlohmann::json> guarded(const std::function<Result<nlohmann::json>(const nlohmann::json&)>& handler,
                               const nlohmann::json& request) {
  try {
    return handler(request);
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::OutOfResources, "the worker ran into its memory limit");
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::Internal, std::string("malformed request to a worker: ") + error.what());
  } catch (const std::exception& error) {
    return fail(ErrorKind::Internal, error.what());
  }
}
} // namespace

int serve(const std::function<Result<nlohmann::json>(const nlohmann::json&)>& handler) {
  endWithParent(channelDescriptor);
  Channel channel(channelDescriptor);
  for (;;) {
    auto request = channel.receive();
    if (!request) return 0;
    auto answer = guarded(handler, *request);
    auto message = answer ? nlohmann::json{{"ok", std::move(*answer)}}
                          : nlohmann::json{{"error", toJson(answer.error())}};
    if (!channel.send(message)) return 0;
  }
}

} // namespace tuned
