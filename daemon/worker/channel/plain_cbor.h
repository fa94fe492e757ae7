// The shape of a frame, known before a parser builds a tree of it.
#pragma once

#include <string_view>

namespace tuned {

/// Whether the bytes are one CBOR item (RFC 8949) as our own writer makes them: lengths are known in advance,
/// no tags, no more than 64 levels and a million items. One pass, bounded memory.
bool isPlainCbor(std::string_view bytes);

} // namespace tuned
