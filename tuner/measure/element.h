// Single elements of a buffer to and from double: f8 (two kinds), f16, bf16, f32, f64 and integers.
#pragma once

#include <cstddef>
#include <string>

namespace tuned {

enum class ElementType { I1, I8, I16, I32, I64, F16, BF16, F32, F64, F8E4M3, F8E5M2 };

struct ElementInfo {
  ElementType type;
  int bytes;
  bool isFloat;
};

/// Of "f16" or "*f16"; elements of a type that elementBytes() refuses are taken as I8.
ElementInfo elementInfo(const std::string& type);
/// The value; integers beyond 2^53 are rounded.
double readElement(ElementType type, const std::byte* at);
/// Rounds to nearest even; integers are truncated; f8 saturates to its largest finite value.
void writeElement(ElementType type, std::byte* at, double value);

} // namespace tuned
