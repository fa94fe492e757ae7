#include "base/document/headers.h"

#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

namespace tuned {
namespace {

constexpr size_t mostBytes = size_t{16} << 20;
constexpr size_t mostHeaders = 1024;

struct Include {
  std::string spelling;
  bool quoted = false;
};

std::string_view trimmed(std::string_view text) {
  size_t from = text.find_first_not_of(" \t");
  return from == text.npos ? std::string_view() : text.substr(from);
}

/// The includes of a text, in order. A spelling that is a macro names no file we could find.
std::vector<Include> includesOf(const std::string& text) {
  std::vector<Include> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string_view rest = trimmed(line);
    if (!rest.starts_with('#')) continue;
    rest = trimmed(rest.substr(1));
    if (!rest.starts_with("include")) continue;
    rest = trimmed(rest.substr(7));
    if (rest.empty() || (rest[0] != '"' && rest[0] != '<')) continue;
    size_t end = rest.find(rest[0] == '"' ? '"' : '>', 1);
    if (end != rest.npos) found.push_back({std::string(rest.substr(1, end - 1)), rest[0] == '"'});
  }
  return found;
}

class Collector {
public:
  explicit Collector(const std::vector<fs::path>& folders) : folders_(folders) {}

  Result<void> collect(const std::string& text, const fs::path& beside) {
    for (const Include& include : includesOf(text)) {
      fs::path file = find(include, beside);
      if (file.empty()) continue;
      if (auto ok = take(include.spelling, file); !ok) return ok;
    }
    return {};
  }

  std::map<std::string, std::string> headers;

private:
  fs::path find(const Include& include, const fs::path& beside) const {
    std::error_code ignored;
    if (include.quoted && fs::is_regular_file(beside / include.spelling, ignored))
      return beside / include.spelling;
    for (const fs::path& folder : folders_)
      if (fs::is_regular_file(folder / include.spelling, ignored)) return folder / include.spelling;
    return {};
  }

  Result<void> take(const std::string& spelling, const fs::path& file) {
    std::error_code ignored;
    fs::path whole = fs::weakly_canonical(file, ignored);
    auto [known, isNew] = files_.emplace(spelling, whole);
    if (!isNew && known->second != whole)
      return fail(ErrorKind::InvalidInput,
                  "kernel document: \"include\": '" + spelling + "' means both " + known->second.string() +
                      " and " + whole.string(),
                  "headers are told apart by how they are spelled in #include: spell them differently");
    if (!isNew) return {};
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    std::string text = std::move(out).str();
    bytes_ += text.size();
    if (bytes_ > mostBytes || files_.size() > mostHeaders)
      return fail(ErrorKind::InvalidInput,
                  "kernel document: \"include\": more than 1024 headers or 16 MiB of them",
                  "include less: a document carries its headers with it");
    headers[spelling] = text;
    return collect(text, whole.parent_path());
  }

  const std::vector<fs::path>& folders_;
  std::map<std::string, fs::path> files_;
  size_t bytes_ = 0;
};

} // namespace

Result<std::map<std::string, std::string>> collectHeaders(const std::string& source, const fs::path& beside,
                                                          const std::vector<fs::path>& folders) {
  Collector collector(folders);
  if (auto ok = collector.collect(source, beside); !ok) return fail(ok.error());
  return std::move(collector.headers);
}

} // namespace tuned
