// Amounts as people write them: "500M", "2G", "30d", "12h".
#pragma once

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

namespace tuned {

namespace detail {
/// A number with a unit of the list, or without one. Nothing: it is none, or not finite.
inline std::optional<double> withUnit(const std::string& text,
                                      std::initializer_list<std::pair<char, double>> units) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !(value >= 0) || !std::isfinite(value)) return std::nullopt;
  if (rest == end) return value;
  for (const auto& [letter, factor] : units)
    if (*rest == letter && rest + 1 == end) return value * factor;
  return std::nullopt;
}
} // namespace detail

/// Bytes; K, M and G are powers of 1024.
inline std::optional<double> bytesFrom(const std::string& text) {
  return detail::withUnit(text, {{'K', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}});
}

/// Seconds; m, h and d are minutes, hours and days.
inline std::optional<double> secondsFrom(const std::string& text) {
  return detail::withUnit(text, {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}});
}

} // namespace tuned
