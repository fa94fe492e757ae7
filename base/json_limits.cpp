#include "base/json_limits.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

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

/// Follows the parser through the text and stops it at the first key that its object has already.
class KeyWatch : public nlohmann::json_sax<nlohmann::json> {
public:
  std::string twice; ///< where, once it is found

  bool key(string_t& name) override {
    open_.back().present = name;
    if (open_.back().seen.insert(name).second) return true;
    for (const Object& object : open_)
      if (!object.present.empty()) twice += (twice.empty() ? "" : ".") + object.present;
    return false;
  }
  bool start_object(size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return leave(); }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

private:
  struct Object {
    std::set<std::string> seen;
    std::string present; ///< the key whose value is being read; none in an array
  };
  bool enter() {
    open_.emplace_back();
    return true;
  }
  bool leave() {
    open_.pop_back();
    return true;
  }
  std::vector<Object> open_;
};
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

Result<void> checkJsonKeys(std::string_view text, bool comments) {
  KeyWatch watch;
  nlohmann::json::sax_parse(text, &watch, nlohmann::json::input_format_t::json, true, comments);
  if (watch.twice.empty()) return {};
  return fail(ErrorKind::InvalidInput, watch.twice + ": given twice");
}

} // namespace tuned
