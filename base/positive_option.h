/// What an option that counts or lasts may be.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <string>

namespace tuned {

namespace detail {

inline bool isFinite(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && std::isfinite(value);
}

} // namespace detail

/// Above 0 and finite. CLI11's own checks print the largest double, digit by digit, where they refuse.
inline CLI::Validator positiveNumber() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        double value = 0;
        return detail::isFinite(text, value) && value > 0 ? "" : text + " is not above 0";
      },
      "POSITIVE");
}

/// From 0 up and finite.
inline CLI::Validator nonNegativeNumber() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        double value = 0;
        return detail::isFinite(text, value) && value >= 0 ? "" : text + " is not 0 or above";
      },
      "NONNEGATIVE");
}

} // namespace tuned
