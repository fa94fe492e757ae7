// Server-Sent Events as text: what the daemon writes and the client reads.
#pragma once

#include "client/protocol/messages.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tuned::protocol {

/// "event: trial\nid: 7\ndata: {…}\n\n"
std::string toServerSentEvent(const Event& event, uint64_t id);

/// "retry: 2000\n\n": the stream ends here although the job goes on; who follows it comes again after that
/// time, and says which event was the last (Last-Event-ID).
std::string toComeAgain(std::chrono::milliseconds after);

/// Takes a stream in pieces of any length and hands out each whole event. Comments (": keep-alive") are
/// passed over.
class EventParser {
public:
  using Sink = std::function<Result<void>(const Event&)>;
  /// Stops at the first event that cannot be read or that the sink refuses.
  Result<void> feed(std::string_view piece, const Sink& sink);
  /// Of the last event that was handed out; empty: none had one.
  const std::string& lastId() const { return lastId_; }
  /// When to come again, where the stream said so.
  std::optional<std::chrono::milliseconds> comeAgain() const { return comeAgain_; }

private:
  std::string pending_, lastId_;
  std::optional<std::chrono::milliseconds> comeAgain_;
};

} // namespace tuned::protocol
