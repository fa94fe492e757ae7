// From the JSON of a kernel document to a Kernel. Every complaint names the key.
#include "ir/kernel/kernel.h"

#include "base/document/pack.h"
#include "ir/frontends/cuda/document.h"
#include "ir/judge.h"
#include "ir/kernel/kernel_sources.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tuned {
namespace {

using nlohmann::json;

constexpr size_t kSourceLimit = 4 << 20;
/// Far beyond what kernels have, and small enough that no later step has to fear them.
constexpr size_t kMostNames = 256, kMostParameters = 64, kMostValues = 4096, kMostExpressions = 256;

std::unexpected<Error> wrong(const std::string& key, const std::string& what) {
  return fail(ErrorKind::InvalidInput, "kernel document: \"" + key + "\": " + what);
}

bool isIdentifier(const std::string& text) {
  auto word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text[0])) &&
         std::ranges::all_of(text, word);
}

/// "sm_90a": two or three digits, and a letter where code is for that architecture alone.
bool isGpuTarget(const std::string& text) {
  if (!text.starts_with("sm_")) return false;
  const size_t end = std::min(text.find_first_not_of("0123456789", 3), text.size());
  const std::string letter = text.substr(end);
  return (end == 5 || end == 6) && (letter.empty() || letter == "a" || letter == "f");
}

bool isInteger(const json& value) {
  return value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX);
}

Result<json> parseJson(const std::string& document, const std::string& path) {
  auto parsed = parseDocument(document, path.empty() ? "kernel document" : path);
  if (!parsed || path.empty()) return parsed;
  return packDocument(std::move(*parsed), path);
}

/// Reads one document key by key; the first problem is kept and ends the reading.
class Reader {
public:
  explicit Reader(const json& document) : document_(document) {}

  Result<Kernel> read() {
    using Step = Result<void> (Reader::*)();
    for (Step step :
         {&Reader::keys, &Reader::texts, &Reader::source, &Reader::sizes, &Reader::constants,
          &Reader::parameters, &Reader::constraints, &Reader::arguments, &Reader::grid, &Reader::work,
          &Reader::tolerance, &Reader::defaults, &Reader::targetDefaults, &Reader::cuda})
      if (auto ok = (this->*step)(); !ok) return fail(ok.error());
    return std::move(kernel_);
  }

private:
  static Result<void> onlyKeys(const json& object, const std::string& where,
                               std::initializer_list<const char*> allowed) {
    if (!object.is_object())
      return wrong(where, std::string("expected an object, got ") + object.type_name());
    for (const auto& [key, value] : object.items())
      if (std::ranges::find(allowed, key) == allowed.end()) return wrong(where + "." + key, "unknown key");
    return {};
  }

  /// Whether a list or object has no more members than the limit.
  static Result<void> atMost(const json& list, const std::string& key, size_t limit) {
    if (list.size() <= limit) return {};
    return wrong(key, std::to_string(list.size()) + " entries: the limit is " + std::to_string(limit));
  }

  Result<void> keys() {
    if (!document_.is_object())
      return fail(ErrorKind::InvalidInput,
                  std::string("a kernel document is an object, not ") + document_.type_name());
    for (const auto& [key, value] : document_.items())
      if (std::ranges::find(kKeys, key) == kKeys.end()) return wrong(key, "unknown key");
    for (const char* key : {"name", "arguments", "grid", "entry"})
      if (!document_.contains(key)) return wrong(key, "missing");
    return {};
  }

  Result<std::string> text(const char* key, const std::string& otherwise) {
    auto found = document_.find(key);
    if (found == document_.end()) return otherwise;
    if (!found->is_string()) return wrong(key, std::string("expected a string, got ") + found->type_name());
    return found->get<std::string>();
  }

  Result<void> texts() {
    auto name = text("name", ""), language = text("language", "ttir"), entry = text("entry", "");
    for (const auto* each : {&name, &language, &entry})
      if (!*each) return fail(each->error());
    auto nameCharacter = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; };
    if (name->empty() || name->size() > 128 || !std::ranges::all_of(*name, nameCharacter))
      return wrong("name", "expected 1 to 128 letters, digits, '_', '-' or '.'");
    if (*language != "ttir" && *language != "cuda") return wrong("language", "expected \"ttir\" or \"cuda\"");
    if (*language == "cuda" ? !cudaEntryAllowed(*entry) : !isIdentifier(*entry))
      return wrong("entry", "expected the name of a function");
    kernel_.name = *name;
    kernel_.language = *language;
    kernel_.entry = *entry;
    return {};
  }

  /// Files beside the document were taken in before (packDocument), where it has a path.
  Result<void> source() {
    if (document_.contains("source_text") == document_.contains("source"))
      return wrong("source", "give either \"source\" or \"source_text\"");
    if (document_.contains("source"))
      return wrong("source", "a document without a path must bring its source as \"source_text\"");
    auto value = text("source_text", "");
    if (!value) return fail(value.error());
    auto name = text("source_name", kernel_.name + (kernel_.language == "cuda" ? ".cu" : ".ttir"));
    if (!name) return fail(name.error());
    kernel_.sourceName = *name;
    kernel_.source = std::move(*value);
    if (kernel_.source.size() > kSourceLimit) return wrong("source", "longer than 4 MiB");
    return {};
  }

  Result<void> declare(const std::string& key, const std::string& name) {
    if (!isIdentifier(name)) return wrong(key, "'" + name + "' is not a name");
    if (!names_.insert(name).second) return wrong(key, "the name '" + name + "' is given twice");
    return {};
  }

  Result<void> sizes() {
    if (!document_.contains("sizes")) return {};
    const json& list = document_["sizes"];
    if (!list.is_array())
      return wrong("sizes", std::string("expected a list of names, got ") + list.type_name());
    if (auto ok = atMost(list, "sizes", kMostNames); !ok) return ok;
    for (const json& each : list) {
      if (!each.is_string()) return wrong("sizes", std::string("expected a name, got ") + each.type_name());
      if (auto ok = declare("sizes", each); !ok) return ok;
      kernel_.sizes.push_back(each);
      sizeNames_.insert(each.get<std::string>());
    }
    return {};
  }

  Result<void> constants() {
    if (!document_.contains("constants")) return {};
    const json& object = document_["constants"];
    if (!object.is_object())
      return wrong("constants", std::string("expected an object, got ") + object.type_name());
    if (auto ok = atMost(object, "constants", kMostNames); !ok) return ok;
    for (const auto& [name, value] : object.items()) {
      if (auto ok = declare("constants", name); !ok) return ok;
      if (isInteger(value)) {
        kernel_.constants[name] = value;
        sizeNames_.insert(name);
      } else if (value.is_string()) {
        kernel_.words[name] = value;
      } else {
        return wrong("constants." + name,
                     std::string("expected an integer or a string, got ") + value.type_name());
      }
    }
    return {};
  }

  /// An integer; of the launch option `compiler` also one of kCompilerNames.
  Result<int64_t> parameterValue(const std::string& key, const std::string& name, const json& value) {
    if (name == "compiler" && value.is_string()) {
      auto found = std::ranges::find(kCompilerNames, value.get<std::string>());
      if (found != kCompilerNames.end()) return found - kCompilerNames.begin();
      std::string there;
      for (const char* each : kCompilerNames)
        there += (there.empty() ? "" : ", ") + std::string(each);
      return wrong(key, "no compiler " + value.dump() + "; there are: " + there);
    }
    if (!isInteger(value)) return wrong(key, std::string("expected an integer, got ") + value.type_name());
    return value.get<int64_t>();
  }

  Result<void> parameters() {
    if (!document_.contains("parameters")) return {};
    const json& object = document_["parameters"];
    if (!object.is_object())
      return wrong("parameters", std::string("expected an object, got ") + object.type_name());
    if (auto ok = atMost(object, "parameters", kMostParameters); !ok) return ok;
    for (const auto& [name, values] : object.items()) {
      std::string key = "parameters." + name;
      if (auto ok = declare(key, name); !ok) return ok;
      if (!values.is_array())
        return wrong(key, std::string("expected a list of integers, got ") + values.type_name());
      if (values.empty()) return wrong(key, "an empty list leaves no configuration");
      if (auto ok = atMost(values, key, kMostValues); !ok) return ok;
      KernelParameter parameter{name, {}};
      for (const json& value : values) {
        auto read = parameterValue(key, name, value);
        if (!read) return fail(read.error());
        if (std::ranges::find(parameter.values, *read) != parameter.values.end())
          return wrong(key, value.dump() + " is given twice");
        parameter.values.push_back(*read);
      }
      kernel_.parameters.push_back(std::move(parameter));
    }
    return {};
  }

  /// An integer or a string that holds an expression over sizes and constants, and parameters if these may
  /// vary it.
  Result<Expression> expression(const json& value, const std::string& key, bool withParameters) {
    if (!value.is_string() && !isInteger(value))
      return wrong(key, std::string("expected an expression, got ") + value.type_name());
    auto parsed = Expression::parse(value.is_string() ? value.get<std::string>() : value.dump());
    if (!parsed) return wrong(key, parsed.error().message);
    for (const std::string& name : parsed->names()) {
      if (sizeNames_.contains(name)) continue;
      if (withParameters && names_.contains(name) && !kernel_.words.contains(name)) continue;
      return wrong(key, "`" + parsed->text() + "` names '" + name + "', which is " +
                            (names_.contains(name) ? "not a size or constant" : "not declared"));
    }
    return parsed;
  }

  Result<void> expressions(const char* key, std::vector<Expression>& out) {
    const json& list = document_[key];
    if (!list.is_array())
      return wrong(key, std::string("expected a list of expressions, got ") + list.type_name());
    if (auto ok = atMost(list, key, kMostExpressions); !ok) return ok;
    for (const json& each : list) {
      auto parsed = expression(each, key, true);
      if (!parsed) return fail(parsed.error());
      out.push_back(std::move(*parsed));
    }
    return {};
  }

  Result<void> constraints() {
    if (!document_.contains("constraints")) return {};
    return expressions("constraints", kernel_.constraints);
  }

  Result<void> grid() {
    if (auto ok = expressions("grid", kernel_.grid); !ok) return ok;
    if (kernel_.grid.empty() || kernel_.grid.size() > 3)
      return wrong("grid", "expected one to three expressions");
    return {};
  }

  Result<void> arguments() {
    const json& list = document_["arguments"];
    if (!list.is_array()) return wrong("arguments", std::string("expected a list, got ") + list.type_name());
    if (auto ok = atMost(list, "arguments", kMostNames); !ok) return ok;
    for (size_t i = 0; i < list.size(); ++i) {
      auto argument = readArgument(list[i], "arguments[" + std::to_string(i) + "]");
      if (!argument) return fail(argument.error());
      kernel_.arguments.push_back(std::move(*argument));
    }
    bool output = std::ranges::any_of(kernel_.arguments, [](const auto& a) { return a.output; });
    if (!output) return wrong("arguments", "none has \"output\": true, so nothing could be verified");
    return {};
  }

  Result<KernelArgument> readArgument(const json& entry, const std::string& key) {
    if (auto ok = onlyKeys(entry, key, {"name", "type", "shape", "value", "output", "fill"}); !ok)
      return fail(ok.error());
    KernelArgument argument;
    for (auto [field, target] :
         {std::pair{"name", &argument.name}, {"type", &argument.type}, {"fill", &argument.fill}}) {
      if (!entry.contains(field)) continue;
      if (!entry[field].is_string())
        return wrong(key + "." + field, std::string("expected a string, got ") + entry[field].type_name());
      *target = entry[field];
    }
    if (!isIdentifier(argument.name)) return wrong(key + ".name", "expected a name");
    if (entry.contains("output") && !entry["output"].is_boolean())
      return wrong(key + ".output",
                   std::string("expected true or false, got ") + entry["output"].type_name());
    argument.output = entry.value("output", false);
    replaceWord(argument.type);
    if (auto bytes = elementBytes(argument.type); !bytes) return wrong(key + ".type", bytes.error().text());
    auto filled =
        argument.type.starts_with("*") ? readBuffer(entry, key, argument) : readScalar(entry, key, argument);
    if (!filled) return fail(filled.error());
    return argument;
  }

  /// "*${IN}" becomes "*f16".
  void replaceWord(std::string& type) {
    size_t open = type.find("${");
    if (open == std::string::npos || !type.ends_with("}")) return;
    auto word = kernel_.words.find(type.substr(open + 2, type.size() - open - 3));
    if (word != kernel_.words.end()) type.replace(open, std::string::npos, word->second);
  }

  Result<void> readBuffer(const json& entry, const std::string& key, KernelArgument& argument) {
    static constexpr std::array<const char*, 5> fills = {"normal", "uniform", "zeros", "ones", "indices"};
    if (std::ranges::find(fills, argument.fill) == fills.end())
      return wrong(key + ".fill", "expected normal, uniform, zeros, ones or indices");
    if (entry.contains("value")) return wrong(key + ".value", "a pointer has a \"shape\" instead");
    if (!entry.contains("shape") || !entry["shape"].is_array() || entry["shape"].empty())
      return wrong(key + ".shape", "expected a list of expressions: the buffer's elements in each dimension");
    if (auto ok = atMost(entry["shape"], key + ".shape", kMostNames); !ok) return ok;
    for (const json& each : entry["shape"]) {
      auto dimension = expression(each, key + ".shape", false);
      if (!dimension) return fail(dimension.error());
      argument.shape.push_back(std::move(*dimension));
    }
    return {};
  }

  Result<void> readScalar(const json& entry, const std::string& key, KernelArgument& argument) {
    for (const char* field : {"shape", "fill"})
      if (entry.contains(field)) return wrong(key + "." + field, "only a pointer has one");
    if (argument.output) return wrong(key + ".output", "only a pointer can be an output");
    if (!entry.contains("value")) return wrong(key + ".value", "missing");
    if (!argument.type.starts_with("i")) {
      if (!entry["value"].is_number())
        return wrong(key + ".value", std::string("expected a number, got ") + entry["value"].type_name());
      argument.floatValue = entry["value"];
      return {};
    }
    auto value = expression(entry["value"], key + ".value", false);
    if (!value) return fail(value.error());
    argument.value = std::move(*value);
    return {};
  }

  Result<void> work() {
    if (!document_.contains("work")) return {};
    const json& object = document_["work"];
    if (auto ok = onlyKeys(object, "work", {"flops", "bytes"}); !ok) return ok;
    for (auto [field, target] : {std::pair{"flops", &kernel_.work.flops}, {"bytes", &kernel_.work.bytes}}) {
      if (!object.contains(field)) continue;
      auto parsed = expression(object[field], std::string("work.") + field, false);
      if (!parsed) return fail(parsed.error());
      *target = std::move(*parsed);
    }
    return {};
  }

  Result<void> tolerance() {
    if (!document_.contains("tolerance")) return {};
    const json& object = document_["tolerance"];
    Tolerance& given = kernel_.tolerance.emplace();
    if (auto ok = onlyKeys(object, "tolerance", {"relative", "absolute"}); !ok) return ok;
    for (auto [field, target] : {std::pair{"relative", &given.relative}, {"absolute", &given.absolute}}) {
      if (!object.contains(field)) continue;
      if (!object[field].is_number() || object[field].get<double>() < 0)
        return wrong(std::string("tolerance.") + field, "expected a number that is not negative");
      *target = object[field];
    }
    return {};
  }

  Result<void> defaults() {
    if (!document_.contains("default")) {
      for (const KernelParameter& parameter : kernel_.parameters)
        kernel_.defaults[parameter.name] = parameter.values.front();
      return {};
    }
    if (auto read = chosen(document_["default"], "default", kernel_.defaults); !read) return read;
    for (const KernelParameter& parameter : kernel_.parameters)
      if (!kernel_.defaults.contains(parameter.name))
        return wrong("default", "lacks '" + parameter.name + "'");
    return {};
  }

  /// Values of parameters and launch options, put over those that are in `out`.
  Result<void> chosen(const json& object, const std::string& where, Configuration& out) {
    if (!object.is_object())
      return wrong(where, std::string("expected an object, got ") + object.type_name());
    for (const auto& [name, value] : object.items()) {
      std::string key = where + "." + name;
      auto read = parameterValue(key, name, value);
      if (!read) return fail(read.error());
      bool option = std::ranges::find(kLaunchOptions, name) != kLaunchOptions.end();
      auto known = std::ranges::find(kernel_.parameters, name, &KernelParameter::name);
      if (known == kernel_.parameters.end() && !option) return wrong(key, "not a parameter");
      if (known != kernel_.parameters.end() && std::ranges::find(known->values, *read) == known->values.end())
        return wrong(key, value.dump() + " is not among the parameter's values");
      out[name] = *read;
    }
    return {};
  }

  Result<void> targetDefaults() {
    if (!document_.contains("target_defaults")) return {};
    const json& targets = document_["target_defaults"];
    if (!targets.is_object())
      return wrong("target_defaults", std::string("expected an object, got ") + targets.type_name());
    if (auto ok = atMost(targets, "target_defaults", kMostNames); !ok) return ok;
    for (const auto& [target, values] : targets.items()) {
      const std::string key = "target_defaults." + target;
      if (target != "cpu" && !isGpuTarget(target))
        return wrong(key, "no target; give \"cpu\", or a GPU's as \"sm_90a\"");
      Configuration& whole = kernel_.targetDefaults[target] = kernel_.defaults;
      if (auto read = chosen(values, key, whole); !read) return read;
    }
    return {};
  }

  Result<void> cuda() {
    auto read = [this](const json& value, const std::string& key) { return expression(value, key, true); };
    auto keys = readCudaKeys(document_, kernel_, read);
    if (!keys) return fail(keys.error());
    kernel_.cuda = std::move(*keys);
    return {};
  }

  static constexpr std::array<const char*, 24> kKeys = {
      "name",  "language",  "source",     "source_text", "source_name", "entry",
      "sizes", "constants", "parameters", "constraints", "arguments",   "grid",
      "work",  "tolerance", "default",    "description", "block",       "shared",
      "flags", "headers",   "include",    "size_macros", "judge",       "target_defaults"};

  const json& document_;
  Kernel kernel_;
  std::set<std::string> names_;     ///< everything declared
  std::set<std::string> sizeNames_; ///< sizes and integer constants: known before a configuration is chosen
};

} // namespace

Result<Kernel> parseKernel(const std::string& document, const std::string& path) {
  auto parsed = parseJson(document, path);
  if (parsed && parsed->is_object() && parsed->contains("sources"))
    parsed = withOneSource(std::move(*parsed));
  if (!parsed) return fail(parsed.error());
  auto kernel = Reader(*parsed).read();
  if (!kernel || !parsed->contains("judge")) return kernel;
  auto judgeText = judgeDocument(*parsed);
  if (!judgeText) return fail(judgeText.error());
  auto judge = Reader(*judgeText).read();
  if (!judge)
    return fail(Error{judge.error().kind, "judge: " + judge.error().message, judge.error().location,
                      judge.error().remedy});
  if (auto fits = checkJudge(*kernel, *judge); !fits) return fail(fits.error());
  kernel->judge = std::make_shared<const Kernel>(std::move(*judge));
  return kernel;
}

Result<Kernel> loadKernel(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream content;
  if (!stream || !(content << stream.rdbuf()))
    return fail(ErrorKind::NotFound, "cannot read the kernel document " + path);
  return parseKernel(std::move(content).str(), path);
}

} // namespace tuned
