// The combining functions of atomics and descriptor reductions.
#pragma once

#include "backend/reference/numeric.h"

namespace tuned::reference {

enum class Rmw : uint8_t {
  And,
  Or,
  Xor,
  Add,
  Max,
  Min,
  UnsignedMax,
  UnsignedMin,
  Exchange,
  Increment,
  Decrement
};

/// What memory holds after `old` met `value`. Add, Max and Min follow the kind (float or signed).
uint64_t combineAtomically(Rmw rmw, Kind kind, uint64_t old, uint64_t value);

} // namespace tuned::reference
