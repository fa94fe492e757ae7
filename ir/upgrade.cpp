// Text of other Triton releases (3.1 to 3.9) to the text 3.6 prints, where the two differ in more than the
// parser takes by itself. Lines stay lines; only the lines of the changed operations change.
#include "ir/text.h"
#include "ir/upgrade_text.h"

#include <array>
#include <string_view>
#include <vector>

namespace tuned {

using std::string;
using std::string_view;

namespace upgrade {

string_view trimmed(string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::vector<string_view> splitList(string_view text) {
  std::vector<string_view> parts;
  int depth = 0;
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    depth += (c == '<' || c == '[' || c == '(' || c == '{') - (c == '>' || c == ']' || c == ')' || c == '}');
    if (c != ',' || depth > 0) continue;
    parts.push_back(trimmed(text.substr(start, i - start)));
    start = i + 1;
  }
  parts.push_back(trimmed(text.substr(std::min(start, text.size()))));
  return parts;
}

size_t endOfString(string_view line, size_t at) {
  for (++at; at < line.size() && line[at] != '"'; ++at)
    if (line[at] == '\\') ++at;
  return std::min(at + 1, line.size());
}

} // namespace upgrade

namespace {

using upgrade::endOfString;
using upgrade::splitList;
using upgrade::trimmed;

void replaceAll(string& text, string_view from, string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// 3.1: `{allow_reorder = true, efficient_layout}` became words.
void upgradeReshape(string& line) {
  size_t open = line.find('{'), close = line.find('}', open);
  if (open == line.npos || close == line.npos) return;
  string words, rest;
  for (string_view entry : splitList(string_view(line).substr(open + 1, close - open - 1))) {
    if (entry == "allow_reorder = true")
      words = "allow_reorder " + words;
    else if (entry == "efficient_layout")
      words += "efficient_layout ";
    else if (entry != "allow_reorder = false")
      rest += (rest.empty() ? "" : ", ") + string(entry);
  }
  line.replace(open, close - open + 1, words + (rest.empty() ? "" : "{" + rest + "}"));
}

/// 3.1: file, function and line stood behind the message.
void upgradeAssert(string& line) {
  size_t message = line.find('"', line.find("tt.assert"));
  if (message == line.npos) return;
  size_t end = endOfString(line, message);
  if (trimmed(string_view(line).substr(end)).substr(0, 1) != ",") return;
  size_t at = end;
  for (int strings = 0; strings < 2; ++strings) {
    at = line.find('"', at);
    if (at == line.npos) return;
    at = endOfString(line, at);
  }
  size_t colon = line.find_first_of(":{", at);
  if (colon != line.npos) line.replace(end, colon - end, " ");
}

/// 3.0: no isSigned; integers are printed as signed.
void upgradePrint(string& line) {
  size_t prefix = line.find('"', line.find("tt.print"));
  if (prefix == line.npos) return;
  size_t open = line.find('{', endOfString(line, prefix)), close = line.find('}', open);
  if (open == line.npos || close == line.npos || line.find("isSigned", open) < close) return;
  size_t colon = line.find(':', close);
  size_t values =
      colon == line.npos
          ? 0
          : splitList(string_view(line).substr(colon + 1, line.find(':', colon + 1) - colon - 1)).size();
  string list = "array<i32";
  for (size_t i = 0; i < values; ++i)
    list += i == 0 ? ": 1" : ", 1";
  line.insert(close, ", isSigned = " + list + ">");
}

/// 3.2: scales were plain operands, told apart by the types; there was no fastMath.
void upgradeDotScaled(string& line) {
  size_t start = line.find("tt.dot_scaled") + string_view("tt.dot_scaled").size(),
         end = line.find(" lhs", start);
  size_t colon = line.find(" : ", end);
  if (end == line.npos || colon == line.npos) return;
  string_view view = line;
  if (line.find("fastMath", end) == line.npos) {
    size_t open = line.find('{', end);
    line.insert(open < colon ? open + 1 : colon, open < colon ? "fastMath = false, " : " {fastMath = false}");
    colon = line.find(" : ", end);
    view = line;
  }
  if (view.substr(start, end - start).find(" scale ") != view.npos) return;
  auto operands = splitList(view.substr(start, end - start));
  size_t star = line.find(" * ", colon);
  if (operands.size() < 4 || star == line.npos) return;
  bool left = splitList(view.substr(colon + 3, star - colon - 3)).size() == 2;
  size_t next = 0;
  string text = " " + string(operands[next++]);
  if (left) text += " scale " + string(operands[next++]);
  text += ", " + string(operands[next++]);
  if (next + 1 < operands.size()) text += " scale " + string(operands[next++]);
  line.replace(start, end - start, text + ", " + string(operands[next]));
}

/// Until 3.3 the names began with experimental_; until 3.2 descriptors were pointers to 128 bytes made on the
/// host.
void upgradeDescriptor(string& line, size_t number) {
  replaceAll(line, "tt.experimental_descriptor_", "tt.descriptor_");
  size_t op = line.find("tt.descriptor_"), open = line.find('[', op), percent = line.find('%', op);
  size_t pointer = line.find("!tt.ptr<", op), tensor = line.find("tensor<", op);
  if (pointer == line.npos || percent > open || open == line.npos || tensor == line.npos) return;
  size_t end = line.find('>', pointer), block = line.find('>', tensor);
  if (end == line.npos || block == line.npos) return;
  string type = line.substr(pointer, end + 1 - pointer);
  string descriptor = "!tt.tensordesc<" + line.substr(tensor, block + 1 - tensor) + ">";
  string name = "%descriptor_" + std::to_string(number);
  string source = line.substr(percent, open - percent);
  line.replace(pointer, type.size(), descriptor);
  line.replace(percent, open - percent, name);
  line.insert(0, name + " = tt.reinterpret_tensor_descriptor " + source + " : " + type + " to " + descriptor +
                     " ");
}

/// 3.8: ttg.barrier and the memories it orders.
void upgradeBarrier(string& line) {
  size_t at = line.find("ttg.barrier"), end = at + string_view("ttg.barrier").size();
  while (end < line.size() && (std::isalnum(static_cast<unsigned char>(line[end])) || line[end] == ' ' ||
                               line[end] == '_' || line[end] == '|')) {
    if (line.compare(end, 4, " loc") == 0 && line.compare(end, 6, " local") != 0) break;
    ++end;
  }
  line.replace(at, end - at, "gpu.barrier");
}

/// 3.5 to 3.8: a dependent launch was inline PTX that gives a number nobody reads. Kernels are launched here
/// when those before them are done, so that there is nothing to wait for.
void upgradeDependentLaunch(string& line) {
  const string_view op = "tt.elementwise_inline_asm ";
  size_t at = line.find(op), quote = at + op.size();
  if (at == line.npos || quote >= line.size() || line[quote] != '"') return;
  string_view text = string_view(line).substr(quote + 1, endOfString(line, quote) - quote - 2);
  string_view command = trimmed(text.substr(0, text.find(';')));
  string_view behind = text.find(';') == text.npos ? "" : trimmed(text.substr(text.find(';') + 1));
  size_t arrow = line.find("-> i32", quote);
  if ((command != "griddepcontrol.wait" && command != "griddepcontrol.launch_dependents") ||
      (!behind.empty() && !behind.starts_with("//")) || arrow == line.npos)
    return;
  line.replace(at, arrow + string_view("-> i32").size() - at, "arith.constant 0 : i32");
}

/// Whether `word` stands in the line outside of string literals.
bool hasOutsideStrings(string_view line, string_view word) {
  if (line.find(word) == line.npos) return false;
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '"')
      at = endOfString(line, at) - 1;
    else if (line.compare(at, word.size(), word) == 0)
      return true;
  }
  return false;
}

void upgradeLine(string& line, size_t number) {
  auto has = [&](const char* word) { return hasOutsideStrings(line, word); };
  if (has("tt.reshape") && has("allow_reorder =")) upgradeReshape(line);
  if (has("tt.assert")) upgradeAssert(line);
  if (has("tt.print")) upgradePrint(line);
  if (has("tt.dot_scaled")) upgradeDotScaled(line);
  if (has("tt.experimental_descriptor_")) upgradeDescriptor(line, number);
  if (has("ttg.barrier")) upgradeBarrier(line);
  if (has("cachePolicy = #tt.cache_policy<")) upgrade::cachePolicy(line);
  if (has("tt.atomic_load") || has("tt.atomic_store") || has("tt.atomic_poll"))
    upgrade::atomics(line, number);
  if (has("tt.approx_divf")) replaceAll(line, "tt.approx_divf", "arith.divf");
  if (has("tt.grid_dependency_")) line.clear();
  if (line.find("\"griddepcontrol.") != line.npos) upgradeDependentLaunch(line);
}

} // namespace

string upgradeText(const string& text) {
  constexpr std::array marks = {"f8E4M3FNUZ",          "allow_reorder =",
                                "tt.assert",           "tt.print",
                                "tt.dot_scaled",       "tt.experimental_descriptor_",
                                "ttg.barrier",         "cachePolicy",
                                "tt.atomic_load",      "tt.atomic_store",
                                "tt.atomic_poll",      "tt.approx_divf",
                                "tt.grid_dependency_", "\"griddepcontrol."};
  bool any = false;
  for (const char* mark : marks)
    any = any || text.find(mark) != text.npos;
  if (!any) return text;
  string result;
  result.reserve(text.size());
  size_t number = 0;
  for (size_t start = 0; start < text.size(); ++number) {
    size_t end = std::min(text.find('\n', start), text.size());
    string line = text.substr(start, end - start);
    upgradeLine(line, number);
    result += line;
    if (end < text.size()) result += '\n';
    start = end + 1;
  }
  // Until 3.1 this was the name of NVIDIA's e4m3; the type it names today is another vendor's.
  replaceAll(result, "f8E4M3FNUZ", "f8E4M3FN");
  return result;
}

} // namespace tuned
