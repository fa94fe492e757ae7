// Server-Sent Events as text: what the daemon writes and the client reads.
#pragma once

#include "client/protocol/messages.h"

#include <functional>
#include <string>
#include <string_view>

namespace tuned::protocol {

/// "event: trial\nid: 7\ndata: {…}\n\n"
std::string toServerSentEvent(const Event& event, uint64_t id);

/// Takes a stream in pieces of any length and hands out each whole event. Comments (": keep-alive") are
/// passed over.
class EventParser {
public:
  using Sink = std::function<Result<void>(const Event&)>;
  /// Stops at the first event that cannot be read or that the sink refuses.
  Result<void> feed(std::string_view piece, const Sink& sink);

private:
  std::string pending_;
};

} // namespace tuned::protocol
