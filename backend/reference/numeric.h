// Numbers as a kernel sees them: the storage bits of every element kind, in the low bits of a 64-bit lane.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

namespace tuned::reference {

enum class Kind : uint8_t { I1, I8, I16, I32, I64, F8E5M2, F8E4M3FN, F16, BF16, F32, F64, Pointer };

/// "i32", "bf16", "f8E4M3FN", …; Pointer is "ptr".
const char* name(Kind kind);
/// Bits of a value; 1 for I1, which takes a byte in memory.
int bitWidth(Kind kind);
/// Bytes of a value in memory.
int byteWidth(Kind kind);
bool isFloat(Kind kind);

/// All ones below the kind's width. Lanes of integers are kept zero-extended: `x & mask(kind)`.
uint64_t mask(Kind kind);
/// A lane of an integer kind as a signed number.
int64_t signedValue(Kind kind, uint64_t lane);

enum class Rounding : uint8_t { NearestEven, TowardZero };

/// The value a float lane stands for, exactly.
double toDouble(Kind kind, uint64_t lane);
/// Rounds once to the kind. Beyond the largest number: infinity (NaN where the kind has none), or the largest
/// number with `saturate`. NaN is the kind's all-ones NaN, as NVIDIA's conversions give it.
uint64_t fromDouble(Kind kind, double value, Rounding rounding = Rounding::NearestEven,
                    bool saturate = false);

inline float asFloat(uint64_t lane) {
  return std::bit_cast<float>(static_cast<uint32_t>(lane));
}
inline double asDouble(uint64_t lane) {
  return std::bit_cast<double>(lane);
}
inline uint64_t lane(float value) {
  return std::bit_cast<uint32_t>(value);
}
inline uint64_t lane(double value) {
  return std::bit_cast<uint64_t>(value);
}

/// The upper 10 bits of the mantissa: what tensor cores read of an f32 (they drop the rest, as recordings on
/// an H100 show, unless the kernel converted it before).
float truncateToTf32(float value);

} // namespace tuned::reference
