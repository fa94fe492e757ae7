#include "base/document/pack.h"

#include "base/json_limits.h"

#include "base/document/headers.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace fs = std::filesystem;

namespace tuned {

using nlohmann::json;

namespace {

std::unexpected<Error> wrong(const std::string& key, const std::string& what) {
  return fail(ErrorKind::InvalidInput, "kernel document: \"" + key + "\": " + what);
}

Result<std::string> readText(const fs::path& path) {
  std::error_code ignored;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (fs::is_directory(path, ignored) || !in || !(out << in.rdbuf()))
    return fail(ErrorKind::NotFound, "cannot read " + path.string());
  return std::move(out).str();
}

Result<void> takeSource(json& document, const fs::path& folder) {
  if (!document.contains("source") || !document["source"].is_string() || document.contains("source_text"))
    return {}; // the reader of documents complains
  fs::path file = folder / document["source"].get<std::string>();
  auto text = readText(file);
  if (!text) return fail(ErrorKind::NotFound, "kernel document: \"source\": " + text.error().message);
  document.erase("source");
  document["source_text"] = std::move(*text);
  document["source_name"] = file.string();
  return {};
}

Result<std::vector<fs::path>> includeFolders(const json& document, const fs::path& folder) {
  std::vector<fs::path> folders;
  if (!document.contains("include")) return folders;
  const json& list = document["include"];
  if (!list.is_array())
    return wrong("include", std::string("expected a list of folders, got ") + list.type_name());
  for (const json& each : list) {
    if (!each.is_string()) return wrong("include", std::string("expected a folder, got ") + each.type_name());
    fs::path path = folder / each.get<std::string>();
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return wrong("include", "there is no folder " + path.string());
    folders.push_back(path);
  }
  return folders;
}

Result<void> takeHeaders(json& document, const fs::path& folder) {
  if (document.value("language", "") != "cuda" || !document.contains("source_text") ||
      !document["source_text"].is_string())
    return {};
  auto folders = includeFolders(document, folder);
  if (!folders) return fail(folders.error());
  document.erase("include");
  fs::path source = document.value("source_name", "");
  auto headers = collectHeaders(document["source_text"].get<std::string>(),
                                source.empty() ? folder : source.parent_path(), *folders);
  if (!headers) return fail(headers.error());
  if (!headers->empty()) document["headers"].update(json(*headers));
  return {};
}

Result<void> takeJudge(json& document, const fs::path& folder) {
  auto judge = document.find("judge");
  if (judge == document.end() || !judge->is_object()) return {};
  auto name = judge->find("kernel");
  if (name == judge->end()) {
    auto packed = packDocument(*judge, folder / "judge");
    if (!packed) return fail(packed.error());
    *judge = std::move(*packed);
    return {};
  }
  if (!name->is_string())
    return wrong("judge.kernel", std::string("expected a name, got ") + name->type_name());
  auto text = name->get<std::string>();
  bool path = text.find('/') != std::string::npos || text.ends_with(".json");
  auto packed = packDocument(folder / (path ? text : text + ".json"));
  if (!packed) return wrong("judge.kernel", packed.error().text());
  if (packed->contains("judge"))
    return wrong("judge.kernel", text + " has a judge itself; a judge needs none");
  *judge = std::move(*packed);
  return {};
}

} // namespace

Result<json> parseDocument(const std::string& text, const std::string& name) {
  if (auto bounded = checkJsonLimits(text); !bounded)
    return fail(Error{ErrorKind::InvalidInput, bounded.error().message, Location{name, 1, 1}});
  if (auto once = checkJsonKeys(text, true); !once)
    return fail(Error{ErrorKind::InvalidInput, once.error().message, Location{name, 1, 1}});
  try {
    return json::parse(text, nullptr, true, /*ignore_comments=*/true);
  } catch (const json::parse_error& problem) {
    size_t end = std::min<size_t>(problem.byte > 0 ? problem.byte - 1 : 0, text.size());
    unsigned line =
        1 + static_cast<unsigned>(std::count(text.begin(), text.begin() + static_cast<long>(end), '\n'));
    size_t start = text.rfind('\n', end == 0 ? 0 : end - 1);
    size_t column = end - (start == std::string::npos || start >= end ? 0 : start + 1) + 1;
    return fail(Error{ErrorKind::InvalidInput, std::string("malformed JSON: ") + problem.what(),
                      Location{name, line, static_cast<unsigned>(column)}});
  } catch (const json::exception& problem) { // a number beyond any type
    return fail(Error{ErrorKind::InvalidInput, std::string("malformed JSON: ") + problem.what(),
                      Location{name, 1, 1}});
  }
}

Result<json> packDocument(json document, const fs::path& path) {
  if (!document.is_object()) return document;
  fs::path folder = path.parent_path();
  for (auto take : {takeSource, takeHeaders, takeJudge})
    if (auto ok = take(document, folder); !ok) return fail(ok.error());
  return document;
}

Result<json> packDocument(const fs::path& path) {
  auto text = readText(path);
  if (!text) return fail(text.error());
  auto document = parseDocument(*text, path.string());
  if (!document) return document;
  return packDocument(std::move(*document), path);
}

} // namespace tuned
