/// What an option that counts or lasts may be.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <string>

namespace tuned {

/// Above 0 and finite. CLI11's own check prints the largest double, digit by digit, where it refuses.
inline CLI::Validator positiveNumber() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        return !text.empty() && *end == '\0' && value > 0 && std::isfinite(value) ? ""
                                                                                  : text + " is not above 0";
      },
      "POSITIVE");
}

} // namespace tuned
