// Functions that Tile IR has not, out of those it has. Arguments are f32 or f64 as each says; results are
// within a few units in the last place, with the usual values at zeros, infinities and NaN.
#pragma once

#include "backend/tileir/emit/tiles.h"

namespace tuned::tileir {

/// 2^(x · log2 e) by one approximation, as Triton's exp of f32.
Value exponential(Tiles& t, Value x);
/// Toward zero, to the nearest with halves away from zero, to the nearest with halves to even: f32, f64.
Value truncated(Tiles& t, Value x);
Value roundedAway(Tiles& t, Value x);
Value roundedEven(Tiles& t, Value x);
/// The magnitude of one with the sign of the other; 16, 32 or 64 bits.
Value copySign(Tiles& t, Value magnitude, Value sign);
/// Bits that are set; leading and trailing zeros (the width for 0). Integers of 8 to 64 bits.
Value populationCount(Tiles& t, Value x);
Value leadingZeros(Tiles& t, Value x);
Value trailingZeros(Tiles& t, Value x);
/// ln(1 + x) and e^x - 1: f32, f64.
Value logOnePlus(Tiles& t, Value x);
Value expMinusOne(Tiles& t, Value x);
/// f32 only.
Value errorFunction(Tiles& t, Value x);

} // namespace tuned::tileir
