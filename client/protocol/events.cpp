#include "client/protocol/events.h"

#include "client/protocol/json.h"

namespace tuned::protocol {

std::string toServerSentEvent(const Event& event, uint64_t id) {
  return "event: " + event.name + "\nid: " + std::to_string(id) + "\ndata: " + toText(event) + "\n\n";
}

namespace {
/// The data lines of one event, joined; empty for a comment.
std::string dataOf(std::string_view block) {
  std::string data;
  while (!block.empty()) {
    const size_t end = block.find('\n');
    std::string_view line = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!data.empty()) data += '\n';
    data += line;
  }
  return data;
}
} // namespace

Result<void> EventParser::feed(std::string_view piece, const Sink& sink) {
  pending_ += piece;
  for (size_t end; (end = pending_.find("\n\n")) != std::string::npos;) {
    const std::string data = dataOf(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end + 2);
    if (data.empty()) continue;
    const auto event = fromText<Event>(data);
    if (!event) return fail(event.error());
    if (auto taken = sink(*event); !taken) return taken;
  }
  return {};
}

} // namespace tuned::protocol
