// Messages from pieces.
#pragma once

#include <sstream>
#include <string>

namespace tuned::reference {

template <typename... Pieces> std::string concat(const Pieces&... pieces) {
  std::ostringstream out;
  (out << ... << pieces);
  return out.str();
}

/// "0x1f", at least `digits` digits.
inline std::string hexadecimal(uint64_t value, int digits = 1) {
  std::ostringstream out;
  out << std::hex << value;
  std::string text = out.str();
  return "0x" +
         std::string(
             text.size() < static_cast<size_t>(digits) ? static_cast<size_t>(digits) - text.size() : 0, '0') +
         text;
}

} // namespace tuned::reference
