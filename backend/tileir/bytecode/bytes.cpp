#include "backend/tileir/bytecode/bytes.h"

namespace tuned::tileir {

void Bytes::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    byte(static_cast<uint8_t>(value | 0x80));
  byte(static_cast<uint8_t>(value));
}

void Bytes::fixed(uint64_t value, unsigned width) {
  for (unsigned i = 0; i < width; ++i)
    byte(static_cast<uint8_t>(value >> (8 * i)));
}

void Bytes::list32(std::span<const int32_t> values) {
  varint(values.size());
  for (int32_t value : values)
    fixed(static_cast<uint32_t>(value), 4);
}

void Bytes::list64(std::span<const int64_t> values) {
  varint(values.size());
  for (int64_t value : values)
    fixed(static_cast<uint64_t>(value), 8);
}

void Bytes::align(unsigned alignment) {
  constexpr uint8_t padding = 0xCB;
  while (data_.size() % alignment)
    byte(padding);
}

} // namespace tuned::tileir
