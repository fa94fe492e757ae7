// Types of elements, by the names that documents and launch metadata use.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace tuned {

inline constexpr std::array<std::pair<std::string_view, int>, 11> elementTypes = {{{"i1", 1},
                                                                                   {"i8", 1},
                                                                                   {"i16", 2},
                                                                                   {"i32", 4},
                                                                                   {"i64", 8},
                                                                                   {"f16", 2},
                                                                                   {"bf16", 2},
                                                                                   {"f32", 4},
                                                                                   {"f64", 8},
                                                                                   {"f8E4M3FN", 1},
                                                                                   {"f8E5M2", 1}}};

/// Bytes of an element of "f32", or of what "*f32" points to; 0: not known.
constexpr int bytesOfElement(std::string_view type) {
  if (type.starts_with('*')) type.remove_prefix(1);
  for (const auto& [name, bytes] : elementTypes)
    if (type == name) return bytes;
  return 0;
}

} // namespace tuned
