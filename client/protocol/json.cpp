#include "client/protocol/json.h"

#include "client/protocol/fields.h"
#include "client/protocol/problem.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

namespace tuned::protocol {

namespace {
using nlohmann::json;

template <typename T> struct IsOptional : std::false_type {};
template <typename T> struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T> struct IsVector : std::false_type {};
template <typename T> struct IsVector<std::vector<T>> : std::true_type {};
template <typename T> struct IsMap : std::false_type {};
template <typename T> struct IsMap<std::map<std::string, T>> : std::true_type {};
using Grid = std::array<int64_t, 3>;

// --- writing ---

struct Writer {
  json& out;
  template <typename T> void operator()(const char* key, T& value);
  template <typename T> void option(const char* key, T& value) { (*this)(key, value); }
  void object(const char* key, std::string& value) {
    if (!value.empty()) out[key] = json::parse(value, nullptr, false);
  }
};

template <typename T> json write(T& value) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || std::is_same_v<T, Grid>) {
    return value;
  } else if constexpr (std::is_same_v<T, Error>) {
    return problem(value);
  } else if constexpr (IsVector<T>::value) {
    json out = json::array();
    for (auto& item : value)
      out.push_back(write(item));
    return out;
  } else if constexpr (IsMap<T>::value) {
    json out = json::object();
    for (auto& [key, item] : value)
      out[key] = write(item);
    return out;
  } else {
    json out = json::object();
    Writer writer{out};
    fields(writer, value);
    return out;
  }
}

template <typename T> void Writer::operator()(const char* key, T& value) {
  if constexpr (IsOptional<T>::value) {
    if (value) out[key] = write(*value);
  } else {
    out[key] = write(value);
  }
}

// --- reading ---

template <typename T>
constexpr bool isRequest =
    std::is_same_v<T, BestRequest> || std::is_same_v<T, TuneRequest> || std::is_same_v<T, Budget>;

struct Failure {
  std::string path, message;
};

/// Reads the members of one object; the first fault is thrown and caught in fromJson.
struct Reader {
  const json& in;
  const std::string& path;
  std::set<std::string> known = {};
  template <typename T> void operator()(const char* key, T& value);
  template <typename T> void option(const char* key, T& value);
  void object(const char* key, std::string& value);
};

std::string join(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

[[noreturn]] void expected(const char* what, const json& in, const std::string& path) {
  std::string found = in.type_name();
  if (in.is_number_float()) found = "number " + in.dump();
  throw Failure{path, std::string("expected ") + what + ", found " + found};
}

template <typename T> void readNumber(const json& in, T& value, const std::string& path) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_boolean()) expected("true or false", in, path);
    value = in.get<bool>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!in.is_number()) expected("a number", in, path);
    value = in.get<T>();
  } else {
    if (!in.is_number_integer()) expected("an integer", in, path);
    const bool fits = in.is_number_unsigned() ? in.get<uint64_t>() <= uint64_t(std::numeric_limits<T>::max())
                                              : std::is_signed_v<T>;
    if (!fits) throw Failure{path, in.dump() + " is out of range"};
    value = in.get<T>();
  }
}

template <typename T> void read(const json& in, T& value, const std::string& path) {
  if constexpr (std::is_arithmetic_v<T>) {
    readNumber(in, value, path);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!in.is_string()) expected("a string", in, path);
    value = in.get<std::string>();
  } else if constexpr (std::is_same_v<T, Error>) {
    if (!in.is_object()) expected("a problem", in, path);
    value = errorFromProblem(in.dump(), 0);
  } else if constexpr (std::is_same_v<T, Grid>) {
    if (!in.is_array() || in.size() != value.size()) expected("three integers", in, path);
    for (size_t i = 0; i < value.size(); ++i)
      read(in[i], value[i], path + "[" + std::to_string(i) + "]");
  } else if constexpr (IsVector<T>::value) {
    if (!in.is_array()) expected("an array", in, path);
    value.clear();
    for (size_t i = 0; i < in.size(); ++i)
      read(in[i], value.emplace_back(), path + "[" + std::to_string(i) + "]");
  } else if constexpr (IsMap<T>::value) {
    if (!in.is_object()) expected("an object", in, path);
    value.clear();
    for (const auto& [key, item] : in.items())
      read(item, value[key], join(path, key));
  } else {
    if (!in.is_object()) expected("an object", in, path);
    Reader reader{in, path};
    fields(reader, value);
    if constexpr (isRequest<T>)
      for (const auto& [key, item] : in.items())
        if (!reader.known.contains(key)) throw Failure{join(path, key), "unknown key"};
  }
}

template <typename T> void Reader::operator()(const char* key, T& value) {
  known.insert(key);
  const auto it = in.find(key);
  if constexpr (IsOptional<T>::value) {
    if (it != in.end() && !it->is_null()) read(*it, value.emplace(), join(path, key));
  } else {
    if (it == in.end()) throw Failure{join(path, key), "missing"};
    read(*it, value, join(path, key));
  }
}

template <typename T> void Reader::option(const char* key, T& value) {
  known.insert(key);
  if (const auto it = in.find(key); it != in.end()) read(*it, value, join(path, key));
}

void Reader::object(const char* key, std::string& value) {
  known.insert(key);
  const auto it = in.find(key);
  if (it == in.end()) return;
  if (!it->is_object()) expected("an object", *it, join(path, key));
  value = it->dump();
}

// --- describing ---

struct Describer {
  json properties = json::object();
  json required = json::array();
  template <typename T> void operator()(const char* key, T& value);
  template <typename T> void option(const char* key, T& value);
  void object(const char* key, std::string&) { properties[key] = {{"type", "object"}}; }
};

template <typename T> json describe(T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (std::is_same_v<T, Error>) {
    return {{"$ref", "#/components/schemas/Problem"}};
  } else if constexpr (std::is_same_v<T, Grid>) {
    return {{"type", "array"}, {"items", {{"type", "integer"}}}, {"minItems", 3}, {"maxItems", 3}};
  } else if constexpr (IsOptional<T>::value) {
    typename T::value_type item{};
    return describe(item);
  } else if constexpr (IsVector<T>::value) {
    typename T::value_type item{};
    return {{"type", "array"}, {"items", describe(item)}};
  } else if constexpr (IsMap<T>::value) {
    typename T::mapped_type item{};
    return {{"type", "object"}, {"additionalProperties", describe(item)}};
  } else {
    Describer inner;
    fields(inner, value);
    json out = {{"type", "object"}, {"properties", inner.properties}};
    if (!inner.required.empty()) out["required"] = inner.required;
    if (isRequest<T>) out["additionalProperties"] = false;
    return out;
  }
}

template <typename T> void Describer::operator()(const char* key, T& value) {
  properties[key] = describe(value);
  if (!IsOptional<T>::value) required.push_back(key);
}

template <typename T> void Describer::option(const char* key, T& value) {
  properties[key] = describe(value);
}
} // namespace

template <typename Message> json toJson(const Message& message) {
  // The field lists take members by reference for the reader's sake; the writer only looks at them.
  return write(const_cast<Message&>(message));
}

template <typename Message> Result<Message> fromJson(const json& in) {
  Message message;
  try {
    read(in, message, "");
  } catch (const Failure& failure) {
    const std::string where = failure.path.empty() ? "the body" : failure.path;
    return fail(ErrorKind::InvalidInput, where + ": " + failure.message);
  }
  return message;
}

template <typename Message> std::string toText(const Message& message) {
  return toJson(message).dump(-1, ' ', false, json::error_handler_t::replace);
}

template <typename Message> Result<Message> fromText(std::string_view text) {
  try {
    return fromJson<Message>(json::parse(text));
  } catch (const json::parse_error& error) {
    return fail(ErrorKind::InvalidInput, "not JSON: " + std::string(error.what()));
  }
}

json schemas() {
  json out;
#define X(Message)                                                                                           \
  {                                                                                                          \
    Message message{};                                                                                       \
    out[#Message] = describe(message);                                                                       \
  }
  TUNED_PROTOCOL_MESSAGES(X)
#undef X
  const json string = {{"type", "string"}}, integer = {{"type", "integer"}};
  out["Problem"] = {
      {"type", "object"},
      {"required", {"title", "status", "kind", "detail"}},
      {"properties",
       {{"type", string},
        {"title", string},
        {"status", integer},
        {"kind", string},
        {"detail", string},
        {"remedy", string},
        {"location",
         {{"type", "object"}, {"properties", {{"file", string}, {"line", integer}, {"column", integer}}}}}}}};
  out["KernelDocument"] = {{"type", "object"},
                           {"required", {"name", "source_text", "arguments", "grid"}},
                           {"description", "A kernel document, its source inlined as source_text"}};
  return out;
}

#define X(Message)                                                                                           \
  template json toJson<Message>(const Message&);                                                             \
  template Result<Message> fromJson<Message>(const json&);                                                   \
  template std::string toText<Message>(const Message&);                                                      \
  template Result<Message> fromText<Message>(std::string_view);
TUNED_PROTOCOL_MESSAGES(X)
#undef X

} // namespace tuned::protocol
