#include "tests/fuzz/mutate.h"

#include <array>
#include <cctype>
#include <string_view>

namespace tuned {

namespace {

struct Token {
  size_t at, length;
};

std::vector<std::string> toLines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start <= text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

bool inName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '#';
}

/// 'v': %values, 'n': numbers, 't': types, 'w': words.
std::vector<Token> tokens(std::string_view line, char kind) {
  std::vector<Token> found;
  for (size_t at = 0; at < line.size();) {
    size_t end = at + 1;
    bool type = line.compare(at, 7, "tensor<") == 0 || line.compare(at, 8, "!tt.ptr<") == 0;
    if (type && kind == 't') {
      int depth = 0;
      for (end = line.find('<', at); end < line.size(); ++end) {
        depth += (line[end] == '<') - (line[end] == '>');
        if (depth == 0) break;
      }
      end = std::min(end + 1, line.size());
      found.push_back({at, end - at});
    } else if (line[at] == '%' || std::isalpha(static_cast<unsigned char>(line[at])) ||
               std::isdigit(static_cast<unsigned char>(line[at]))) {
      bool value = line[at] == '%', number = std::isdigit(static_cast<unsigned char>(line[at]));
      while (end < line.size() &&
             (number ? std::isdigit(static_cast<unsigned char>(line[end])) != 0 : inName(line[end])))
        ++end;
      if (kind == (value ? 'v' : number ? 'n' : 'w')) found.push_back({at, end - at});
    }
    at = end;
  }
  return found;
}

constexpr std::array numbers = {
    "0",  "1",  "2",   "3",    "4",       "7",          "8",          "16",
    "32", "64", "128", "1024", "1048576", "2147483647", "4294967296", "18446744073709551615"};
constexpr std::array words = {"i1",       "i8",         "i16",       "i32",         "i64",        "f16",
                              "bf16",     "f32",        "f64",       "f8E5M2",      "index",      "add",
                              "max",      "true",       "false",     "acq_rel",     "slt",        "eq",
                              "tt.splat", "tt.load",    "tt.reduce", "tt.trans",    "arith.addi", "tt.store",
                              "scf.for",  "tt.reshape", "tt.dot",    "tt.broadcast"};

} // namespace

void Mutator::replaceToken(std::string& line, char kind, const std::vector<std::string>& lines) {
  auto mine = tokens(line, kind);
  if (mine.empty()) return;
  Token target = mine[below(mine.size())];
  std::string by;
  if (kind == 'n') {
    by = numbers[below(numbers.size())];
  } else if (kind == 'w' && below(2)) {
    by = words[below(words.size())];
  } else {
    const std::string& other = lines[below(lines.size())];
    auto theirs = tokens(other, kind);
    if (theirs.empty()) return;
    Token source = theirs[below(theirs.size())];
    by = other.substr(source.at, source.length);
  }
  line.replace(target.at, target.length, by);
}

void Mutator::change(std::vector<std::string>& lines) {
  size_t at = below(lines.size());
  // Two in three keep the shape of the text: another number, type, word or value where one stands.
  if (below(3)) return replaceToken(lines[at], "nntwv"[below(5)], lines);
  switch (below(6)) {
  case 0:
    lines.erase(lines.begin() + at);
    break;
  case 1:
    lines.insert(lines.begin() + at, lines[below(lines.size())]);
    break;
  case 2:
    std::swap(lines[at], lines[below(lines.size())]);
    break;
  case 3: {
    auto others = toLines(corpus_[below(corpus_.size())]);
    lines.insert(lines.begin() + at, others[below(others.size())]);
    break;
  }
  case 4: {
    std::string& line = lines[at];
    if (!line.empty()) line.erase(below(line.size()), 1 + below(4));
    break;
  }
  default: {
    std::string& line = lines[at];
    line.insert(below(line.size() + 1), 1, "{}()<>[]%!#,:=\"x0- \n\x80"[below(21)]);
    break;
  }
  }
  if (lines.empty()) lines.emplace_back();
}

std::string Mutator::next() {
  auto lines = toLines(corpus_[below(corpus_.size())]);
  // Mostly a single change: a text with many is refused at the first.
  for (size_t left = below(4) ? 1 : 1 + below(8); left > 0; --left)
    change(lines);
  std::string text;
  for (const std::string& line : lines)
    text += line + "\n";
  return text;
}

} // namespace tuned
