#include "base/json_limits.h"

namespace tuned {

namespace {
/// Where the string that opens at `at` closes; the text's end when it does not.
size_t closingQuote(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return at;
}

/// The last byte of the comment that opens at `at`; `at` itself when none does.
size_t endOfComment(std::string_view text, size_t at) {
  if (at + 1 >= text.size()) return at;
  size_t end = at;
  if (text[at + 1] == '/')
    end = text.find_first_of("\r\n", at);
  else if (text[at + 1] == '*' && (end = text.find("*/", at + 2)) != std::string_view::npos)
    ++end;
  return end == std::string_view::npos ? text.size() : end;
}
} // namespace

Result<void> checkJsonLimits(std::string_view text, const JsonLimits& limits) {
  size_t depth = 0, values = 1;
  for (size_t at = 0; at < text.size(); ++at) {
    switch (text[at]) {
    case '"':
      at = closingQuote(text, at);
      break;
    case '/':
      at = endOfComment(text, at);
      break;
    case '[':
    case '{':
      ++values;
      if (++depth > limits.depth)
        return fail(ErrorKind::InvalidInput,
                    "the JSON text nests deeper than " + std::to_string(limits.depth) + " levels");
      break;
    case ']':
    case '}':
      if (depth > 0) --depth;
      break;
    case ',':
      ++values;
      break;
    }
    if (values > limits.values)
      return fail(ErrorKind::InvalidInput,
                  "the JSON text holds more than " + std::to_string(limits.values) + " values");
  }
  return {};
}

} // namespace tuned
