#include "backend/nvrtc/log.h"

#include <charconv>
#include <vector>

namespace tuned::nvrtc {
namespace {

struct Diagnostic {
  std::string file, message;
  unsigned line = 0, column = 1;
};

std::vector<std::string> linesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// "FILE(LINE): error: MESSAGE", also "error #20: …" and "catastrophic error: …".
bool parse(const std::string& line, Diagnostic& out) {
  for (const char* kind : {"): error", "): catastrophic error"}) {
    size_t close = line.find(kind);
    if (close == std::string::npos) continue;
    size_t open = line.rfind('(', close);
    size_t colon = line.find(": ", close + std::string_view(kind).size());
    if (open == std::string::npos || colon == std::string::npos) continue;
    auto [rest, error] = std::from_chars(line.data() + open + 1, line.data() + close, out.line);
    if (error != std::errc() || rest != line.data() + close) continue;
    out.file = line.substr(0, open);
    out.message = line.substr(colon + 2);
    return true;
  }
  return false;
}

/// The compiler quotes the line, indented by two, and points below it.
unsigned columnBelow(const std::vector<std::string>& lines, size_t from) {
  for (size_t i = from; i < std::min(lines.size(), from + 6); ++i) {
    size_t caret = lines[i].find('^');
    if (caret != std::string::npos && lines[i].find_first_not_of(' ') == caret)
      return caret >= 2 ? static_cast<unsigned>(caret) - 1 : 1;
  }
  return 1;
}

ErrorKind kindOf(const std::string& text) {
  for (const char* phrase : {"uses too much", "too many resources", "out of registers"})
    if (text.find(phrase) != std::string::npos) return ErrorKind::OutOfResources;
  return ErrorKind::InvalidInput;
}

} // namespace

Error errorFromLog(const std::string& log, const std::string& programName, const std::string& sourceName) {
  std::vector<std::string> lines = linesOf(log);
  std::optional<Diagnostic> first;
  int more = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    Diagnostic found;
    if (!parse(lines[i], found)) continue;
    if (first) {
      ++more;
      continue;
    }
    found.column = columnBelow(lines, i + 1);
    first = found;
  }
  if (!first) {
    std::string text = log.substr(0, 2000);
    return Error{kindOf(log), "NVRTC refuses the source: " + (text.empty() ? "it does not say why" : text)};
  }
  std::string message = first->message;
  if (more > 0) message += " (and " + std::to_string(more) + (more == 1 ? " more error)" : " more errors)");
  return Error{kindOf(message), message,
               Location{first->file == programName ? sourceName : first->file, first->line, first->column}};
}

} // namespace tuned::nvrtc
