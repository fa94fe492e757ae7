// The one way from a struct to JSON, CBOR and JSON Schema, and back. A struct lists its fields once:
//
//   template <typename V> void fields(V& v, Launch& m) {
//     v("symbol", m.symbol);               required
//     v.option("cluster_size", m.cluster); may be left out; the struct's default holds then
//     v.object("document", m.document);    a JSON object kept as its text
//   }
//
// Members may be numbers, words, enums (that have names(E)), optional, vectors, string-keyed maps, arrays of
// three integers and other structs with fields. What needs a form of its own has a CustomJson.
#pragma once

#include "base/error.h"
#include "base/json_limits.h"
#include "base/model/launch_condition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tuned::model {

using nlohmann::json;

/// What is wrong with a value and where; thrown by readers, caught in fromJson.
struct Failure {
  std::string path, message;
};

/// Specialise with write(const T&) → json, read(const json&) → T (throws Failure with an empty path) and
/// schema() → json.
template <typename T> struct CustomJson { static constexpr bool absent = true; };
template <typename T>
concept HasCustomJson = !requires {
  CustomJson<T>::absent;
};

template <> struct CustomJson<LaunchCondition> {
  static json write(const LaunchCondition& condition) { return tuned::toJson(condition); }
  static LaunchCondition read(const json& in) {
    auto condition = launchConditionFromJson(in);
    if (!condition) throw Failure{"", condition.error().message};
    return *condition;
  }
  static json schema() { return {{"type", "object"}}; }
};

/// Keys that no field has are refused in these and in all that they hold, and so are keys that are given
/// twice: in what users write. Elsewhere they are passed over, so that an older program reads a newer one.
template <typename T> constexpr bool strictKeys = false;

template <typename T> struct IsOptional : std::false_type {};
template <typename T> struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T> struct IsVector : std::false_type {};
template <typename T> struct IsVector<std::vector<T>> : std::true_type {};
template <typename T> struct IsMap : std::false_type {};
template <typename T> struct IsMap<std::map<std::string, T>> : std::true_type {};
template <typename T> struct IsExtents : std::false_type {};
template <typename T> struct IsExtents<std::array<T, 3>> : std::true_type {};

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
  if constexpr (HasCustomJson<T>) {
    return CustomJson<T>::write(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    // JSON has no infinity: the largest number stands for it.
    return std::isfinite(value) ? value : std::copysign(std::numeric_limits<T>::max(), value);
  } else if constexpr (std::is_enum_v<T>) {
    return names(value)[static_cast<size_t>(value)];
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || IsExtents<T>::value) {
    return value;
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

/// Where in the text a value stands. Its words are put together only for a fault: a message without one costs
/// no string.
struct Place {
  const Place* within = nullptr;
  std::string_view key = {};
  size_t index = 0;                       ///< of an array's item, when there is no key
  bool strict = within && within->strict; ///< keys that no field has are refused here

  std::string text() const {
    if (!within) return "";
    const std::string outer = within->text();
    if (key.data() == nullptr) return outer + "[" + std::to_string(index) + "]";
    return outer.empty() ? std::string(key) : outer + "." + std::string(key);
  }
};

[[noreturn]] inline void expected(const char* what, const json& found, const Place& place) {
  std::string kind = found.type_name();
  if (found.is_number_float()) kind = "number " + found.dump();
  throw Failure{place.text(), std::string("expected ") + what + ", found " + kind};
}

/// Reads the members of one object; the first fault is thrown.
struct Reader {
  const json& in;
  const Place& place;
  std::vector<std::string_view> known = {};
  template <typename T> void operator()(const char* key, T& value);
  template <typename T> void option(const char* key, T& value);
  void object(const char* key, std::string& value) {
    const auto it = find(key);
    if (it == in.end()) return;
    if (!it->is_object()) expected("an object", *it, Place{&place, key});
    value = it->dump();
  }
  /// The member, or the object's end.
  json::const_iterator find(const char* key) {
    if (place.strict) known.push_back(key);
    return in.find(key);
  }
  void refuseUnknown() const {
    for (const auto& [key, item] : in.items())
      if (std::ranges::find(known, key) == known.end())
        throw Failure{Place{&place, key}.text(), "unknown key"};
  }
};

template <typename T> void readNumber(const json& in, T& value, const Place& place) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_boolean()) expected("true or false", in, place);
    value = in.get<bool>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!in.is_number()) expected("a number", in, place);
    value = in.get<T>();
  } else {
    if (!in.is_number_integer()) expected("an integer", in, place);
    using Limits = std::numeric_limits<T>;
    const bool fits = in.is_number_unsigned()
                          ? in.get<uint64_t>() <= static_cast<uint64_t>(Limits::max())
                          : std::is_signed_v<T> && in.get<int64_t>() >= static_cast<int64_t>(Limits::min());
    if (!fits) throw Failure{place.text(), in.dump() + " is out of range"};
    value = in.get<T>();
  }
}

template <typename T> void readEnum(const json& in, T& value, const Place& place) {
  if (!in.is_string()) expected("a string", in, place);
  const auto& all = names(value);
  const auto found = std::ranges::find(all, in.get_ref<const std::string&>());
  if (found == std::ranges::end(all)) {
    std::string list;
    for (const char* one : all)
      list += (list.empty() ? "" : ", ") + std::string(one);
    throw Failure{place.text(), "'" + in.get<std::string>() + "' is none of " + list};
  }
  value = static_cast<T>(found - std::ranges::begin(all));
}

template <typename T> void read(const json& in, T& value, const Place& place) {
  if constexpr (HasCustomJson<T>) {
    try {
      value = CustomJson<T>::read(in);
    } catch (const Failure& failure) {
      throw Failure{place.text(), failure.message};
    }
  } else if constexpr (std::is_enum_v<T>) {
    readEnum(in, value, place);
  } else if constexpr (std::is_arithmetic_v<T>) {
    readNumber(in, value, place);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!in.is_string()) expected("a string", in, place);
    value = in.get_ref<const std::string&>();
  } else if constexpr (IsExtents<T>::value) {
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
    const Place here{place.within, place.key, place.index, place.strict || strictKeys<T>};
    Reader reader{in, here};
    fields(reader, value);
    if (here.strict) reader.refuseUnknown();
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
  if constexpr (IsOptional<T>::value) {
    (*this)(key, value);
  } else if (const auto it = find(key); it != in.end()) {
    read(*it, value, Place{&place, key});
  }
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
  if constexpr (HasCustomJson<T>) {
    return CustomJson<T>::schema();
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else if constexpr (std::is_enum_v<T>) {
    json list = json::array();
    for (const char* one : names(value))
      list.push_back(one);
    return {{"type", "string"}, {"enum", list}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (IsExtents<T>::value) {
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
    if (strictKeys<T>) out["additionalProperties"] = false;
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

// --- the three together ---

/// Members that are std::optional and unset are left out; all others are written.
template <typename T> json toJson(const T& value) {
  // The field lists take members by reference for the reader's sake; the writer only looks at them.
  return write(const_cast<T&>(value));
}

/// InvalidInput names the key at fault ("sizes.M: expected an integer, found a string").
template <typename T> Result<T> fromJson(const json& in) {
  T value{};
  try {
    read(in, value, Place{});
  } catch (const Failure& failure) {
    const std::string where = failure.path.empty() ? "the body" : failure.path;
    return fail(ErrorKind::InvalidInput, where + ": " + failure.message);
  }
  return value;
}

/// Compact text; bytes that are no UTF-8 are replaced.
inline std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Text that is not JSON is InvalidInput and says where.
template <typename T> Result<T> fromText(std::string_view text) {
  if constexpr (strictKeys<T>)
    if (auto once = checkJsonKeys(text); !once) return fail(once.error());
  try {
    return fromJson<T>(json::parse(text));
  } catch (const json::exception& error) {
    return fail(ErrorKind::InvalidInput, "not JSON: " + std::string(error.what()));
  }
}

} // namespace tuned::model
