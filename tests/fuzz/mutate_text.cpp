#include "tests/fuzz/mutate_text.h"

#include <array>
#include <cctype>
#include <string_view>
#include <vector>

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

class TextMutator {
public:
  TextMutator(std::vector<std::string> text, const std::vector<std::string>& other, Random& random)
      : lines(std::move(text)), other_(other), random_(random) {}
  void change();
  std::vector<std::string> lines;

private:
  void replaceToken(std::string& line, char kind);
  void changeLines(size_t at);
  void changeCharacters(std::string& line);
  const std::string& anyLine() { return random_.oneIn(4) ? random_.of(other_) : random_.of(lines); }

  const std::vector<std::string>& other_;
  Random& random_;
};

void TextMutator::replaceToken(std::string& line, char kind) {
  auto mine = tokens(line, kind);
  if (mine.empty()) return;
  Token target = random_.of(mine);
  std::string by;
  if (kind == 'n') {
    by = random_.of(numbers);
  } else if (kind == 'w' && random_.below(2)) {
    by = random_.of(words);
  } else {
    const std::string& source = anyLine();
    auto theirs = tokens(source, kind);
    if (theirs.empty()) return;
    Token token = random_.of(theirs);
    by = source.substr(token.at, token.length);
  }
  line.replace(target.at, target.length, by);
}

void TextMutator::changeLines(size_t at) {
  switch (random_.below(4)) {
  case 0:
    lines.erase(lines.begin() + at);
    break;
  case 1:
    lines.insert(lines.begin() + at, std::string(anyLine()));
    break;
  case 2:
    std::swap(lines[at], random_.of(lines));
    break;
  default:
    lines.insert(lines.begin() + at, random_.of(other_));
    break;
  }
  if (lines.empty()) lines.emplace_back();
}

void TextMutator::changeCharacters(std::string& line) {
  if (random_.below(2))
    line.insert(random_.below(line.size() + 1), 1, "{}()<>[]%!#,:=\"x0- \n\x80"[random_.below(21)]);
  else if (!line.empty())
    line.erase(random_.below(line.size()), 1 + random_.below(4));
}

void TextMutator::change() {
  size_t at = random_.below(lines.size());
  // Two in three keep the shape of the text: another number, type, word or value where one stands.
  if (random_.below(3)) return replaceToken(lines[at], "nntwv"[random_.below(5)]);
  if (random_.below(3)) return changeLines(at);
  changeCharacters(lines[at]);
}

} // namespace

std::string mutateText(const std::string& text, const std::string& other, Random& random) {
  auto others = toLines(other);
  TextMutator mutator(toLines(text), others, random);
  // Mostly a single change: a text with many is refused at the first.
  for (size_t left = random.below(4) ? 1 : 1 + random.below(8); left > 0; --left)
    mutator.change();
  std::string result;
  for (const std::string& line : mutator.lines)
    result += (result.empty() ? "" : "\n") + line;
  return result;
}

} // namespace tuned
