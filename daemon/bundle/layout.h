// Where the parts of a bundle's head are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tuned::bundle {

inline constexpr std::string_view magic = "GTBUNDLE";
inline constexpr uint32_t newestVersion = 1;
inline constexpr size_t versionAt = 8, plainAt = 12, storedAt = 20, hashAt = 28, keyAt = 60, signatureAt = 92;
inline constexpr size_t headBytes = 156;
inline constexpr uint64_t largestPlain = uint64_t{4} << 30;

template <typename Number> void putNumber(std::string& out, Number value) {
  for (size_t i = 0; i < sizeof value; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

template <typename Number> Number getNumber(std::string_view bytes, size_t at) {
  Number value = 0;
  for (size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<Number>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

} // namespace tuned::bundle
