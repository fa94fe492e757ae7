// How often a piece of code stands in a text.
#pragma once

#include <string>

namespace tuned::test {

inline size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

} // namespace tuned::test
