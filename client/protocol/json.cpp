#include "client/protocol/json.h"

#include "base/json_limits.h"
#include "client/protocol/fields.h"
#include "client/protocol/problem.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <vector>

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

/// An answer comes from a daemon that was chosen, and lists grow with what is stored: only its depth is
/// limited.
template <typename T>
constexpr JsonLimits limitsOf = isRequest<T> ? JsonLimits{} : JsonLimits{JsonLimits{}.depth, SIZE_MAX};

/// Where in the text a value stands. Its words are put together only for a fault: a message without one costs
/// no string.
struct Place {
  const Place* within = nullptr;
  std::string_view key = {};
  size_t index = 0; ///< of an array's item, when there is no key

  std::string text() const {
    if (!within) return "";
    const std::string outer = within->text();
    if (key.data() == nullptr) return outer + "[" + std::to_string(index) + "]";
    return outer.empty() ? std::string(key) : outer + "." + std::string(key);
  }
};

struct Failure {
  std::string path, message;
};

/// Reads the members of one object; the first fault is thrown and caught in fromJson.
struct Reader {
  const json& in;
  const Place& place;
  bool strict; ///< keys that no field has are refused
  std::vector<std::string_view> known = {};
  template <typename T> void operator()(const char* key, T& value);
  template <typename T> void option(const char* key, T& value);
  void object(const char* key, std::string& value);
  /// The member, or the object's end.
  json::const_iterator find(const char* key) {
    if (strict) known.push_back(key);
    return in.find(key);
  }
  void refuseUnknown() const {
    for (const auto& [key, item] : in.items())
      if (std::ranges::find(known, key) == known.end())
        throw Failure{Place{&place, key}.text(), "unknown key"};
  }
};

[[noreturn]] void expected(const char* what, const json& in, const Place& place) {
  std::string found = in.type_name();
  if (in.is_number_float()) found = "number " + in.dump();
  throw Failure{place.text(), std::string("expected ") + what + ", found " + found};
}

template <typename T> void readNumber(const json& in, T& value, const Place& place) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_boolean()) expected("true or false", in, place);
    value = in.get<bool>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!in.is_number()) expected("a number", in, place);
    value = in.get<T>();
  } else {
    if (!in.is_number_integer()) expected("an integer", in, place);
    const bool fits = in.is_number_unsigned() ? in.get<uint64_t>() <= uint64_t(std::numeric_limits<T>::max())
                                              : std::is_signed_v<T>;
    if (!fits) throw Failure{place.text(), in.dump() + " is out of range"};
    value = in.get<T>();
  }
}

template <typename T> void read(const json& in, T& value, const Place& place) {
  if constexpr (std::is_arithmetic_v<T>) {
    readNumber(in, value, place);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!in.is_string()) expected("a string", in, place);
    value = in.get_ref<const std::string&>();
  } else if constexpr (std::is_same_v<T, Error>) {
    if (!in.is_object()) expected("a problem", in, place);
    value = errorFromProblem(in.dump(), 0);
  } else if constexpr (std::is_same_v<T, Grid>) {
    if (!in.is_array() || in.size() != value.size()) expected("three integers", in, place);
    for (size_t i = 0; i < value.size(); ++i)
      read(in[i], value[i], Place{&place, {}, i});
  } else if constexpr (IsVector<T>::value) {
    if (!in.is_array()) expected("an array", in, place);
    value.clear();
    for (size_t i = 0; i < in.size(); ++i)
      read(in[i], value.emplace_back(), Place{&place, {}, i});
  } else if constexpr (IsMap<T>::value) {
    if (!in.is_object()) expected("an object", in, place);
    value.clear();
    for (const auto& [key, item] : in.items())
      read(item, value[key], Place{&place, key});
  } else {
    if (!in.is_object()) expected("an object", in, place);
    Reader reader{in, place, isRequest<T>};
    fields(reader, value);
    if (isRequest<T>) reader.refuseUnknown();
  }
}

template <typename T> void Reader::operator()(const char* key, T& value) {
  const auto it = find(key);
  const Place there{&place, key};
  if constexpr (IsOptional<T>::value) {
    if (it != in.end() && !it->is_null()) read(*it, value.emplace(), there);
  } else {
    if (it == in.end()) throw Failure{there.text(), "missing"};
    read(*it, value, there);
  }
}

template <typename T> void Reader::option(const char* key, T& value) {
  if (const auto it = find(key); it != in.end()) read(*it, value, Place{&place, key});
}

void Reader::object(const char* key, std::string& value) {
  const auto it = find(key);
  if (it == in.end()) return;
  if (!it->is_object()) expected("an object", *it, Place{&place, key});
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
    read(in, message, Place{});
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
  if (auto bounded = checkJsonLimits(text, limitsOf<Message>); !bounded) return fail(bounded.error());
  try {
    return fromJson<Message>(json::parse(text));
  } catch (const json::exception& error) { // of the syntax, or a number that no double holds
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
