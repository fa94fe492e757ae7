#include "daemon/prewarm/manifest.h"

#include "base/document/pack.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace fs = std::filesystem;

namespace tuned::prewarm {
namespace {

using nlohmann::json;

constexpr size_t mostProblems = 100000;
constexpr size_t mostValues = 4096; ///< of one dimension or size

std::unexpected<Error> wrong(const std::string& key, const std::string& what,
                             const std::string& remedy = {}) {
  return fail(ErrorKind::InvalidInput, "manifest: \"" + key + "\": " + what, remedy);
}

bool isInteger(const json& value) {
  return value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX);
}

Result<void> onlyKeys(const json& object, const std::string& where,
                      std::initializer_list<const char*> allowed) {
  if (!object.is_object()) return wrong(where, std::string("expected an object, got ") + object.type_name());
  for (const auto& [key, value] : object.items())
    if (std::ranges::find(allowed, key) == allowed.end())
      return wrong(where.empty() ? key : where + "." + key, "unknown key");
  return {};
}

Result<std::vector<int64_t>> rangeValues(const json& range, const std::string& key) {
  if (auto ok = onlyKeys(range, key, {"from", "to", "step", "factor"}); !ok) return fail(ok.error());
  for (const auto& [name, value] : range.items())
    if (!isInteger(value) || value.get<int64_t>() < 1)
      return wrong(key + "." + name, "expected an integer from 1 up");
  if (!range.contains("from") || !range.contains("to")) return wrong(key, "a range has \"from\" and \"to\"");
  if (range.contains("step") == range.contains("factor"))
    return wrong(key, "a range has \"step\" or \"factor\"");
  int64_t to = range["to"], factor = range.value("factor", int64_t{1}),
          step = range.value("step", int64_t{0});
  if (range.contains("factor") && factor < 2) return wrong(key + ".factor", "expected 2 or more");
  std::vector<int64_t> out;
  for (int64_t value = range["from"]; value <= to;) {
    out.push_back(value);
    if (out.size() > mostValues) return wrong(key, "more than 4096 values");
    if (__builtin_mul_overflow(value, factor, &value) || __builtin_add_overflow(value, step, &value)) break;
  }
  if (out.empty()) return wrong(key, "a range with no value in it");
  return out;
}

/// The values that one entry stands for where dimensions have the given values.
Result<std::vector<int64_t>> valuesOf(const json& entry, const std::string& key, const Bindings& dimensions) {
  if (isInteger(entry)) return std::vector<int64_t>{entry.get<int64_t>()};
  if (entry.is_object()) return rangeValues(entry, key);
  if (entry.is_string()) {
    auto expression = Expression::parse(entry.get<std::string>());
    if (!expression) return wrong(key, expression.error().message);
    for (const std::string& name : expression->names())
      if (!dimensions.contains(name)) return wrong(key, "there is no dimension '" + name + "'");
    auto value = expression->evaluate(dimensions);
    if (!value) return wrong(key, value.error().message);
    return std::vector<int64_t>{*value};
  }
  if (!entry.is_array() || entry.empty())
    return wrong(key, std::string("expected an integer, an expression, a list or a range, got ") +
                          entry.type_name());
  std::vector<int64_t> out;
  for (const json& each : entry) {
    if (each.is_array()) return wrong(key, "a list in a list");
    auto values = valuesOf(each, key, dimensions);
    if (!values) return values;
    out.insert(out.end(), values->begin(), values->end());
    if (out.size() > mostValues) return wrong(key, "more than 4096 values");
  }
  return out;
}

/// Every combination of the entries' values. An expression sees `known` and, when `chain` is set, entries
/// before it in the list: dimensions may be told from others.
Result<std::vector<Bindings>> combinations(const std::vector<std::pair<std::string, json>>& entries,
                                           const std::string& where, const Bindings& known, bool chain) {
  std::vector<Bindings> out = {{}};
  for (const auto& [name, entry] : entries) {
    std::vector<Bindings> next;
    for (const Bindings& sofar : out) {
      Bindings visible = known;
      if (chain) visible.insert(sofar.begin(), sofar.end());
      auto values = valuesOf(entry, where + "." + name, visible);
      if (!values) return fail(values.error());
      for (int64_t value : *values) {
        if (value < 1) return wrong(where + "." + name, "is " + std::to_string(value) + "; sizes start at 1");
        next.push_back(sofar);
        next.back()[name] = value;
      }
      if (next.size() > mostProblems) return wrong(where, "more than 100000 combinations");
    }
    out = std::move(next);
  }
  return out;
}

class Reader {
public:
  Reader(const json& document, const fs::path& path, const std::vector<std::string>& folders)
      : document_(document), path_(path), folders_(folders) {}

  Result<Manifest> read() {
    if (auto ok =
            onlyKeys(document_, "",
                     {"name", "description", "dimensions", "targets", "configurations", "kernels", "notes"});
        !ok)
      return fail(ok.error());
    using Step = Result<void> (Reader::*)();
    for (Step step : {&Reader::head, &Reader::dimensions, &Reader::kernels})
      if (auto ok = (this->*step)(); !ok) return fail(ok.error());
    std::ranges::sort(out_.problems);
    out_.problems.erase(std::unique(out_.problems.begin(), out_.problems.end()), out_.problems.end());
    return std::move(out_);
  }

private:
  Result<void> head() {
    if (!document_.contains("name") || !document_["name"].is_string())
      return wrong("name", "expected a word");
    out_.name = document_["name"];
    for (auto [key, list] : {std::pair{"targets", &out_.targets}, {"notes", &out_.notes}}) {
      if (!document_.contains(key)) continue;
      if (!document_[key].is_array()) return wrong(key, "expected a list of words");
      for (const json& each : document_[key]) {
        if (!each.is_string()) return wrong(key, "expected a list of words");
        list->push_back(each);
      }
    }
    if (!document_.contains("configurations")) return {};
    const json& count = document_["configurations"];
    if (!isInteger(count) || count.get<int64_t>() < 1)
      return wrong("configurations", "expected an integer from 1 up");
    out_.configurations = count;
    return {};
  }

  Result<void> dimensions() {
    if (!document_.contains("dimensions")) return {};
    if (auto ok = onlyObject("dimensions"); !ok) return ok;
    std::vector<std::pair<std::string, json>> plain, told;
    for (const auto& [name, value] : document_["dimensions"].items())
      (value.is_string() ? told : plain).emplace_back(name, value);
    plain.insert(plain.end(), told.begin(), told.end());
    auto all = combinations(plain, "dimensions", {}, true);
    if (!all) return fail(all.error());
    dimensions_ = std::move(*all);
    return {};
  }

  Result<void> onlyObject(const char* key) {
    if (document_[key].is_object()) return {};
    return wrong(key, std::string("expected an object, got ") + document_[key].type_name());
  }

  Result<void> kernels() {
    if (!document_.contains("kernels") || !document_["kernels"].is_array() || document_["kernels"].empty())
      return wrong("kernels", "expected a list of kernels with their sizes");
    for (size_t i = 0; i < document_["kernels"].size(); ++i)
      if (auto ok = kernel(document_["kernels"][i], "kernels[" + std::to_string(i) + "]"); !ok) return ok;
    return {};
  }

  Result<void> kernel(const json& entry, const std::string& key) {
    if (auto ok = onlyKeys(entry, key, {"kernel", "sizes", "description"}); !ok) return ok;
    if (!entry.contains("kernel") || !entry["kernel"].is_string())
      return wrong(key + ".kernel", "expected a name");
    auto path = find(entry["kernel"], key + ".kernel");
    if (!path) return fail(path.error());
    auto kernel = loadKernel(*path);
    if (!kernel) return fail(kernel.error());
    if (!entry.contains("sizes") || !entry["sizes"].is_object())
      return wrong(key + ".sizes", "expected an object");
    std::vector<std::pair<std::string, json>> sizes;
    for (const auto& [name, value] : entry["sizes"].items())
      sizes.emplace_back(name, value);
    for (const Bindings& dimensions : dimensions_) {
      auto all = combinations(sizes, key + ".sizes", dimensions, false);
      if (!all) return fail(all.error());
      for (Bindings& each : *all) {
        if (auto ok = checkSizes(*kernel, each); !ok) return wrong(key + ".sizes", ok.error().message);
        out_.problems.push_back({*path, std::move(each)});
      }
      if (out_.problems.size() > mostProblems) return wrong("kernels", "more than 100000 problems");
    }
    return {};
  }

  Result<std::string> find(const std::string& name, const std::string& key) const {
    std::error_code ignored;
    bool path = name.find('/') != std::string::npos || name.ends_with(".json");
    fs::path beside = path_.parent_path() / (path ? name : name + ".json");
    if (fs::is_regular_file(beside, ignored)) return beside.string();
    std::string searched;
    for (const std::string& folder : folders_) {
      fs::path file = fs::path(folder) / (name + ".json");
      if (!path && fs::is_regular_file(file, ignored)) return file.string();
      searched += (searched.empty() ? "" : ", ") + folder;
    }
    return wrong(key,
                 "there is no kernel '" + name + "'" + (path || searched.empty() ? "" : " in " + searched),
                 "give a document's path, or the folder that holds it with --kernels");
  }

  const json& document_;
  fs::path path_;
  const std::vector<std::string>& folders_;
  Manifest out_;
  std::vector<Bindings> dimensions_ = {{}};
};

} // namespace

Result<Manifest> parseManifest(const std::string& text, const std::string& path,
                               const std::vector<std::string>& folders) {
  auto document = parseDocument(text, path);
  if (!document) return fail(document.error());
  return Reader(*document, path, folders).read();
}

Result<Manifest> loadManifest(const std::string& path, const std::vector<std::string>& folders) {
  std::error_code ignored;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (fs::is_directory(path, ignored) || !in || !(text << in.rdbuf()))
    return fail(ErrorKind::NotFound, "cannot read the manifest " + path);
  return parseManifest(text.str(), path, folders);
}

} // namespace tuned::prewarm
