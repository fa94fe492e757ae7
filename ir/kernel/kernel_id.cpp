// Identity: two texts that differ only in layout, comments or debug locations are the same kernel.
#include "base/sha256.h"
#include "ir/kernel/kernel.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace tuned {
namespace {

bool isWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.' || c == '%' ||
         c == '#' || c == '@' || c == '!' || c == '^' || c == '"';
}

/// Reads TTIR token-wise and drops what does not count.
class TtirCanonicalizer {
public:
  explicit TtirCanonicalizer(const std::string& source) : source_(source) {}

  std::string run() {
    while (at_ < source_.size())
      step();
    return std::move(out_);
  }

private:
  void step() {
    char c = source_[at_];
    if (std::isspace(static_cast<unsigned char>(c))) return skip(1);
    if (source_.compare(at_, 2, "//") == 0) return skipLine();
    if (atLineStart() && source_.compare(at_, 4, "#loc") == 0) return skipAlias();
    if (atWord("loc(")) return skipLocation();
    if (c == '"') return copyString();
    put(c);
    ++at_;
  }

  void skip(size_t n) {
    at_ += n;
    gap_ = true;
  }
  void skipLine() {
    at_ = std::min(source_.find('\n', at_), source_.size());
    gap_ = true;
  }
  // `#loc3 = loc(…)` on a line of its own.
  void skipAlias() {
    size_t equals = source_.find_first_of("=\n", at_);
    if (equals == std::string::npos || source_[equals] == '\n') return skipLine();
    at_ = equals + 1;
    while (at_ < source_.size() && source_[at_] == ' ')
      ++at_;
    if (source_.compare(at_, 4, "loc(") == 0) skipLocation();
  }
  void skipLocation() {
    at_ += 3;
    int depth = 0;
    bool quoted = false;
    for (; at_ < source_.size(); ++at_) {
      char c = source_[at_];
      if (quoted && c == '\\')
        ++at_;
      else if (c == '"')
        quoted = !quoted;
      else if (!quoted && c == '(')
        ++depth;
      else if (!quoted && c == ')' && --depth == 0)
        break;
    }
    at_ = std::min(at_ + 1, source_.size());
    gap_ = true;
  }
  void copyString() {
    put('"');
    for (++at_; at_ < source_.size(); ++at_) {
      char c = source_[at_];
      out_ += c;
      if (c == '\\' && at_ + 1 < source_.size())
        out_ += source_[++at_];
      else if (c == '"')
        break;
    }
    at_ = std::min(at_ + 1, source_.size());
  }
  void put(char c) {
    if (gap_ && !out_.empty() && isWord(out_.back()) && isWord(c)) out_ += ' ';
    gap_ = false;
    out_ += c;
  }
  bool atLineStart() const {
    size_t before = at_;
    while (before > 0 && (source_[before - 1] == ' ' || source_[before - 1] == '\t'))
      --before;
    return before == 0 || source_[before - 1] == '\n';
  }
  bool atWord(const char* word) const {
    return source_.compare(at_, 4, word) == 0 && (at_ == 0 || !isWord(source_[at_ - 1]));
  }

  const std::string& source_;
  std::string out_;
  size_t at_ = 0;
  bool gap_ = false;
};

/// C++: comments go, runs of blanks become one; line ends stay, because the preprocessor reads them.
std::string canonicalCpp(const std::string& source) {
  std::string out;
  char quote = 0;
  for (size_t at = 0; at < source.size(); ++at) {
    char c = source[at];
    if (quote) {
      out += c;
      if (c == '\\' && at + 1 < source.size())
        out += source[++at];
      else if (c == quote || c == '\n')
        quote = 0;
      continue;
    }
    if (source.compare(at, 2, "//") == 0) {
      at = std::min(source.find('\n', at), source.size()) - 1;
      continue;
    }
    if (source.compare(at, 2, "/*") == 0) {
      size_t end = source.find("*/", at + 2);
      at = (end == std::string::npos ? source.size() : end + 2) - 1;
      c = ' ';
    }
    if (c == '\n') {
      while (!out.empty() && out.back() == ' ')
        out.pop_back();
      if (!out.empty() && out.back() != '\n') out += '\n';
    } else if (std::isspace(static_cast<unsigned char>(c))) {
      if (!out.empty() && out.back() != ' ' && out.back() != '\n') out += ' ';
    } else {
      if (c == '"' || c == '\'') quote = c;
      out += c;
    }
  }
  while (!out.empty() && std::isspace(static_cast<unsigned char>(out.back())))
    out.pop_back();
  return out;
}

std::string shortest(double value) {
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

} // namespace

std::string canonicalSource(const std::string& language, const std::string& source) {
  return language == "ttir" ? TtirCanonicalizer(source).run() : canonicalCpp(source);
}

std::string Kernel::id() const {
  // Each field ends in a byte that no field holds, so that no two kernels make the same text.
  std::string text;
  auto add = [&](const std::string& field) { text += field + '\0'; };
  add(language);
  add(canonicalSource(language, source));
  add(entry);
  for (const std::string& size : sizes)
    add("size " + size);
  for (const auto& [name, value] : constants)
    add("constant " + name + "=" + std::to_string(value));
  for (const auto& [name, value] : words)
    add("word " + name + "=" + value);
  for (const KernelArgument& argument : arguments) {
    add("argument " + argument.type + (argument.output ? " output" : "") + " " + argument.fill);
    for (const Expression& dimension : argument.shape)
      add("dimension " + dimension.text());
    if (argument.value) add("value " + argument.value->text());
    if (argument.floatValue) add("value " + shortest(*argument.floatValue));
  }
  for (const Expression& dimension : grid)
    add("grid " + dimension.text());
  for (const Expression& dimension : cuda.block)
    add("block " + dimension.text());
  if (cuda.shared) add("shared " + cuda.shared->text());
  for (const std::string& size : cuda.sizeMacros)
    add("macro " + size);
  for (const std::string& flag : cuda.flags)
    add("flag " + flag);
  for (const auto& [spelling, content] : cuda.headers)
    add("header " + spelling + " " + sha256(content));
  if (judge) add("judge " + judge->id());
  return sha256(text);
}

} // namespace tuned
