#include "daemon/worker/loop.h"

#include "daemon/worker/channel/channel.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/confinement/limits.h"

#include <new>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
using Handler = std::function<Result<nlohmann::json>(const nlohmann::json&, const Ask&)>;

Result<nlohmann::json> guarded(const Handler& handler, const nlohmann::json& request, const Ask& ask) {
  try {
    return handler(request, ask);
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
  return serve([&](const nlohmann::json& request, const Ask&) { return handler(request); });
}

int serve(const Handler& handler) {
  endWithParent(channelDescriptor);
  Channel channel(channelDescriptor);
  const Ask ask = [&](const nlohmann::json& question) -> Result<nlohmann::json> {
    if (auto sent = channel.send({{"asks", question}}); !sent) return fail(sent.error());
    return channel.receive();
  };
  for (;;) {
    auto request = channel.receive();
    if (!request) return 0;
    auto answer = guarded(handler, *request, ask);
    auto message = answer ? nlohmann::json{{"ok", std::move(*answer)}}
                          : nlohmann::json{{"error", toJson(answer.error())}};
    if (!channel.send(message)) return 0;
  }
}

} // namespace tuned
