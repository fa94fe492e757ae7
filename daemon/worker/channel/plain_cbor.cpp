#include "daemon/worker/channel/plain_cbor.h"

#include <array>
#include <cstdint>

namespace tuned {

namespace {

constexpr size_t deepest = 64;
constexpr uint64_t mostItems = 1'000'000; // a tree of them takes about 100 bytes each

enum Major { Unsigned = 0, Negative = 1, Bytes = 2, Text = 3, Array = 4, Map = 5, Tag = 6, Simple = 7 };

/// The head of an item: its kind, and its value or count.
struct Head {
  int major = 0;
  uint64_t argument = 0;
};

/// Takes the head off the front. False: it is cut off, or its length is not told.
bool takeHead(std::string_view& bytes, Head& head) {
  if (bytes.empty()) return false;
  const auto first = static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  head.major = first >> 5;
  const unsigned information = first & 31;
  head.argument = information;
  if (information < 24) return true;
  if (information > 27) return false;
  const size_t size = size_t{1} << (information - 24);
  if (bytes.size() < size) return false;
  head.argument = 0;
  for (size_t i = 0; i < size; ++i)
    head.argument = head.argument << 8 | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(size);
  return true;
}

} // namespace

bool isPlainCbor(std::string_view bytes) {
  std::array<uint64_t, deepest> missing{}; // items that each open level still lacks
  size_t depth = 0;
  uint64_t items = 0;
  do {
    Head head;
    if (++items > mostItems || !takeHead(bytes, head) || head.major == Tag) return false;
    if (depth > 0) --missing[depth - 1];
    if (head.major == Bytes || head.major == Text) {
      if (head.argument > bytes.size()) return false;
      bytes.remove_prefix(head.argument);
    } else if (head.major == Array || head.major == Map) {
      // An item takes a byte at least: a count beyond what is left is a lie, and would overflow below.
      if (head.argument > bytes.size() || depth == deepest) return false;
      missing[depth++] = head.major == Map ? 2 * head.argument : head.argument;
    }
    while (depth > 0 && missing[depth - 1] == 0)
      --depth;
  } while (depth > 0);
  return bytes.empty();
}

} // namespace tuned
