#include "ir/text.h"

#include <cctype>
#include <string_view>

namespace tuned {

// The place after the string that starts at `at`, or the end of the text.
static size_t skipString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

// The place after the parenthesis that closes the one at `at`.
static size_t skipParentheses(std::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = skipString(text, at);
      continue;
    }
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    ++at;
    if (depth == 0) break;
  }
  return at;
}

static bool partOfName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$';
}

std::string withoutLocations(const std::string& text) {
  std::string result = text;
  auto blank = [&](size_t from, size_t to) {
    for (; from < to; ++from)
      if (result[from] != '\n') result[from] = ' ';
  };
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = skipString(text, at);
    } else if (text.compare(at, 2, "//") == 0) {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.compare(at, 4, "#loc") == 0 && (at == 0 || text[at - 1] == '\n')) {
      size_t end = skipParentheses(text, std::min(text.find('(', at), text.size()));
      blank(at, end);
      at = end;
    } else if (text.compare(at, 4, "loc(") == 0 && (at == 0 || !partOfName(text[at - 1]))) {
      size_t end = skipParentheses(text, at + 3);
      blank(at, end);
      at = end;
    } else {
      ++at;
    }
  }
  return result;
}

// Whether `array<index` stands at `at`, blanks left aside.
static bool isIndexArray(std::string_view text, size_t at) {
  for (std::string_view word : {"array", "<", "index"}) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])))
      ++at;
    if (text.substr(at, word.size()) != word) return false;
    at += word.size();
  }
  return true;
}

std::optional<Error> parserTrap(const std::string& text, const std::string& fileName) {
  unsigned depth = 0, line = 1;
  size_t lineStart = 0;
  auto refuse = [&](size_t at, const std::string& message) {
    return Error{ErrorKind::InvalidInput, message,
                 Location{fileName, line, static_cast<unsigned>(at - lineStart) + 1}};
  };
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '\n') {
      ++line;
      lineStart = at + 1;
    } else if (c == '"') {
      at = skipString(text, at) - 1;
    } else if (text.compare(at, 2, "//") == 0) {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (c == 'a' && isIndexArray(text, at)) {
      return refuse(at, "an array of indices is not read: its elements need a width, as in array<i32: 1>");
    } else if (std::string_view("({[<").find(c) != std::string_view::npos) {
      if (++depth > maxNesting)
        return refuse(at, "brackets are nested deeper than " + std::to_string(maxNesting) +
                              ", which is the limit");
    } else if (depth > 0 && std::string_view(")}]>").find(c) != std::string_view::npos) {
      // The arrow of a type closes nothing.
      depth -= c == '>' && at > 0 && text[at - 1] == '-' ? 0 : 1;
    }
  }
  return std::nullopt;
}

} // namespace tuned
