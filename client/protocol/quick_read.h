// Reading an answer quickly: Boost.JSON on memory that is let go at once, straight into the message. What a
// hit costs its asker is mostly this. Whatever is unusual, or wrong, is left to the reader of
// base/model/json.h, which also says what is wrong.
#pragma once

#include "base/model/json.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

namespace tuned::protocol {

/// Reads the members of one object, as model::Reader does.
struct QuickReader {
  const boost::json::object& in;
  bool good = true;

  template <typename T> void operator()(const char* key, T& value) { member(key, value, true); }
  template <typename T> void option(const char* key, T& value) { member(key, value, false); }
  /// Kept as text, which has to be the other reader's.
  void object(const char* key, std::string&) { good = good && !in.contains(key); }

private:
  template <typename T> void member(const char* key, T& value, bool required);
};

/// False: it is not what the type takes, or not for this reader.
template <typename T> bool quickRead(const boost::json::value& in, T& value) {
  if constexpr (model::HasCustomJson<T>) {
    value = model::CustomJson<T>::read(model::json::parse(boost::json::serialize(in)));
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    const bool* found = in.if_bool();
    if (found) value = *found;
    return found != nullptr;
  } else if constexpr (std::is_enum_v<T>) {
    if (!in.is_string()) return false;
    const auto& all = names(value);
    const auto found =
        std::ranges::find(all, std::string_view(in.get_string().data(), in.get_string().size()));
    if (found == std::ranges::end(all)) return false;
    value = static_cast<T>(found - std::ranges::begin(all));
    return true;
  } else if constexpr (std::is_integral_v<T>) {
    if (in.is_int64() && std::in_range<T>(in.get_int64()))
      value = static_cast<T>(in.get_int64());
    else if (in.is_uint64() && std::in_range<T>(in.get_uint64()))
      value = static_cast<T>(in.get_uint64());
    else
      return false;
    return true;
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!in.is_number()) return false;
    value = in.to_number<T>();
    return std::isfinite(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!in.is_string()) return false;
    value.assign(in.get_string().data(), in.get_string().size());
    return true;
  } else if constexpr (model::IsExtents<T>::value || model::IsVector<T>::value) {
    const boost::json::array* items = in.if_array();
    if (!items) return false;
    if constexpr (model::IsVector<T>::value)
      value.resize(items->size());
    else if (items->size() != value.size())
      return false;
    for (size_t i = 0; i < items->size(); ++i)
      if (!quickRead((*items)[i], value[i])) return false;
    return true;
  } else if constexpr (model::IsMap<T>::value) {
    if (!in.is_object()) return false;
    value.clear();
    for (const auto& [key, item] : in.get_object())
      if (!quickRead(item, value[std::string(key.data(), key.size())])) return false;
    return true;
  } else {
    if (!in.is_object() || model::strictKeys<T>) return false;
    QuickReader reader{in.get_object()};
    fields(reader, value);
    return reader.good;
  }
}

template <typename T> void QuickReader::member(const char* key, T& value, bool required) {
  if (!good) return;
  const boost::json::value* found = in.if_contains(key);
  if constexpr (model::IsOptional<T>::value) {
    if (found && !found->is_null()) good = quickRead(*found, value.emplace());
  } else if (found) {
    good = quickRead(*found, value);
  } else {
    good = !required;
  }
}

/// Nothing: read it with model::fromText.
template <typename T> std::optional<T> quickRead(std::string_view text) {
  unsigned char memory[16 * 1024];
  boost::json::monotonic_resource resource(memory);
  boost::json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code error;
  const boost::json::value in = boost::json::parse(text, error, &resource, options);
  if (error) return std::nullopt;
  T out{};
  try {
    if (quickRead(in, out)) return out;
  } catch (const std::exception&) {
  } catch (const model::Failure&) {
  }
  return std::nullopt;
}

} // namespace tuned::protocol
