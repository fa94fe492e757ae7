// The primitives of Tile IR bytecode: little-endian integers, LEB128, zigzag, padding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tuned::tileir {

class Bytes {
public:
  void byte(uint8_t value) { data_.push_back(static_cast<char>(value)); }
  /// Unsigned LEB128.
  void varint(uint64_t value);
  /// LEB128 of the zigzag form.
  void signedVarint(int64_t value) {
    varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  /// The low `width` bytes, lowest first.
  void fixed(uint64_t value, unsigned width);
  void raw(std::string_view bytes) { data_ += bytes; }
  /// A count, then each in 4 or 8 bytes.
  void list32(std::span<const int32_t> values);
  void list64(std::span<const int64_t> values);
  /// Padding up to a multiple of `alignment`, counted from the start.
  void align(unsigned alignment);

  size_t size() const { return data_.size(); }
  const std::string& str() const { return data_; }
  std::string take() { return std::move(data_); }

private:
  std::string data_;
};

} // namespace tuned::tileir
