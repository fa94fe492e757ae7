// The life of a worker behind a channel: requests in turn, each answered.
#pragma once

#include "base/error.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// The descriptor that the daemon puts the channel on.
constexpr int channelDescriptor = 3;

/// Puts a question about the request to the daemon while it is worked on, and waits for the answer. A daemon
/// that is gone gives Unavailable.
using Ask = std::function<Result<nlohmann::json>(const nlohmann::json& question)>;

/// Serves until the daemon goes. What the handler throws (bad_alloc, a malformed request) is an error too.
int serve(const std::function<Result<nlohmann::json>(const nlohmann::json& request)>& handler);

int serve(
    const std::function<Result<nlohmann::json>(const nlohmann::json& request, const Ask& ask)>& handler);

} // namespace tuned
