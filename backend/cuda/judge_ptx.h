// The text of the kernels that check buffers on the device.
#pragma once

#include "backend/device.h"

#include <string>

namespace tuned::cuda {

/// Entry "checksum"(address, words, result): adds the checksum of `words` 8-byte words to the u64 at result.
std::string checksumPtx();

/// Entry "compare"(got, expected, count, relative, absolute, table, result). The result is three 64-bit
/// words: how many are wrong (added to), the least wrong index (lowered) and the bits of the worst error as a
/// double (raised). For sm_80 and later.
std::string comparePtx(ElementCoding coding, int elementBytes);

/// What the checksum adds for one word at index `word` of the range.
uint64_t checksumTerm(uint64_t bits, uint64_t word);

} // namespace tuned::cuda
