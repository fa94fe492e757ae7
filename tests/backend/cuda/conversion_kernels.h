// Kernels made of random layout conversions, which check themselves on the device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tuned::nvptx {

/// tt IR with layouts: `conversions(counts: !tt.ptr<i64>, salt: i32, rounds: i32)`. Conversion c makes
/// tensors whose elements depend on their index, `salt` and the round, converts them, makes them anew in the
/// other layout and, in every register of every thread, adds to counts[c]: 1, and 2^32 where the two differ.
/// Conversions stand in a row, in loops of `rounds` rounds and in branches on bits of `salt`; warps are held
/// up at random in between; reductions stand between them.
struct ConversionKernel {
  unsigned numWarps = 4;
  std::string text;

  struct Conversion {
    uint64_t perRun = 0;                           ///< what it adds when all is well
    unsigned loops = 0;                            ///< around it
    std::vector<std::pair<unsigned, bool>> guards; ///< bits of the salt and what they have to be
    std::string text;                              ///< what is converted, for messages
    uint64_t expected(uint32_t salt, unsigned rounds) const;
  };
  std::vector<Conversion> conversions;
};

/// The same for the same seed.
ConversionKernel randomConversionKernel(uint64_t seed, unsigned conversions);

} // namespace tuned::nvptx
