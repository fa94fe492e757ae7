#include "ir/kernel/kernel_sources.h"

#include "ir/kernel/expression_limits.h"

#include <nlohmann/json.hpp>
#include <set>

namespace tuned {
namespace {

using nlohmann::json;

std::unexpected<Error> wrong(const std::string& where, const std::string& what) {
  return fail(ErrorKind::InvalidInput, "\"" + where + "\": " + what,
              "an entry is {\"configuration\": {…}, \"source_text\": \"…\"}");
}

/// "BLOCK == 64 && num_warps == 4"; empty for a configuration without parameters.
std::string conditionOf(const json& configuration) {
  std::string out;
  for (const auto& [name, value] : configuration.items())
    out += (out.empty() ? "" : " && ") + name + " == " + value.dump();
  return out;
}

Result<void> checkEntry(const json& entry, const std::string& where, const json& first) {
  if (!entry.is_object()) return wrong(where, std::string("expected an object, got ") + entry.type_name());
  for (const auto& [key, value] : entry.items())
    if (key != "configuration" && key != "source_text") return wrong(where + "." + key, "unknown key");
  if (!entry.contains("source_text") || !entry["source_text"].is_string())
    return wrong(where + ".source_text", "expected a string");
  const json configuration = entry.value("configuration", json());
  if (!configuration.is_object() || configuration.empty())
    return wrong(where + ".configuration", "expected an object with the parameters' values");
  for (const auto& [name, value] : configuration.items()) {
    if (!value.is_number_integer()) return wrong(where + ".configuration." + name, "expected an integer");
    if (!first.contains(name))
      return wrong(where + ".configuration." + name, "the first entry does not have it");
  }
  if (configuration.size() != first.size())
    return wrong(where + ".configuration", "it lacks a parameter that the first entry has");
  return {};
}

} // namespace

Result<json> withOneSource(json document) {
  for (const char* key : {"source_text", "source", "parameters", "constraints"})
    if (document.contains(key)) return wrong(key, "a document with \"sources\" makes it of that list");
  const json list = std::move(document["sources"]);
  if (!list.is_array() || list.empty()) return wrong("sources", "expected a list that is not empty");
  const json first = list[0].is_object() ? list[0].value("configuration", json()) : json();
  const bool macros = document.contains("language") && document["language"] == "cuda";
  std::string source, any;
  std::set<std::string> seen;
  json parameters = json::object();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = "sources[" + std::to_string(i) + "]";
    if (auto sound = checkEntry(list[i], where, first); !sound) return fail(sound.error());
    const json& configuration = list[i]["configuration"];
    const std::string condition = conditionOf(configuration);
    if (!seen.insert(condition).second) return wrong(where, "its configuration is in the list already");
    for (const auto& [name, value] : configuration.items()) {
      json& values = parameters[name];
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
    if (any.size() > longestExpression)
      return wrong("sources", "the " + std::to_string(list.size()) +
                                  " configurations are too many to tell apart in " +
                                  std::to_string(longestExpression) +
                                  " characters; hand over fewer, or drop the "
                                  "parameters that have one value");
    any += (any.empty() ? "(" : " || (") + condition + ")";
    // CUDA C++ sees parameters as macros, a template's holes see them as names.
    source += (macros ? "#if " + condition : "${if " + condition + "}") + "\n" +
              list[i]["source_text"].get<std::string>() + "\n" + (macros ? "#endif" : "${end}") + "\n";
  }
  document.erase("sources");
  document["source_text"] = std::move(source);
  document["parameters"] = std::move(parameters);
  document["constraints"] = {any};
  if (!document.contains("default")) document["default"] = first;
  return document;
}

} // namespace tuned
