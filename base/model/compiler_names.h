// What the values of the launch option `compiler` stand for, for all who show configurations.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace tuned {

/// By value. A configuration without the option means the first.
inline constexpr std::array compilerNames = {"nvptx", "tileir"};

/// A parameter's value as it is shown: a number, or the compiler that it stands for.
inline std::string parameterValueText(const std::string& name, int64_t value) {
  bool named = name == "compiler" && value >= 0 && value < static_cast<int64_t>(compilerNames.size());
  return named ? compilerNames[static_cast<size_t>(value)] : std::to_string(value);
}

} // namespace tuned
