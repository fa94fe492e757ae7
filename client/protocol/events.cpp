#include "client/protocol/events.h"

#include "client/protocol/json.h"

#include <charconv>
#include <cstdint>

namespace tuned::protocol {

std::string toServerSentEvent(const Event& event, uint64_t id) {
  return "event: " + event.name + "\nid: " + std::to_string(id) + "\ndata: " + toText(event) + "\n\n";
}

std::string toComeAgain(std::chrono::milliseconds after) {
  return "retry: " + std::to_string(after.count()) + "\n\n";
}

namespace {
/// What one block of lines says; no data in a comment.
struct Block {
  std::string data; ///< its lines, joined
  std::string_view id, retry;
};

Block read(std::string_view text) {
  Block out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const auto value = [&line](std::string_view name) -> std::optional<std::string_view> {
      if (!line.starts_with(name)) return std::nullopt;
      line.remove_prefix(name.size());
      if (line.starts_with(' ')) line.remove_prefix(1);
      return line;
    };
    if (const auto data = value("data:")) {
      if (!out.data.empty()) out.data += '\n';
      out.data += *data;
    } else if (const auto id = value("id:")) {
      out.id = *id;
    } else if (const auto retry = value("retry:")) {
      out.retry = *retry;
    }
  }
  return out;
}

/// Nothing where that is no number of milliseconds.
std::optional<std::chrono::milliseconds> timeOf(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::milliseconds(value);
}
} // namespace

Result<void> EventParser::feed(std::string_view piece, const Sink& sink) {
  pending_ += piece;
  for (size_t end; (end = pending_.find("\n\n")) != std::string::npos;) {
    const std::string text = pending_.substr(0, end);
    pending_.erase(0, end + 2);
    const Block block = read(text);
    if (const auto after = timeOf(block.retry)) comeAgain_ = after;
    if (block.data.empty()) continue;
    const auto event = fromText<Event>(block.data);
    if (!event) return fail(event.error());
    if (!block.id.empty()) lastId_ = block.id;
    if (auto taken = sink(*event); !taken) return taken;
  }
  return {};
}

} // namespace tuned::protocol
