// From one floating-point type to another, a register at a time: instructions where the architecture has
// them, integer code elsewhere.
#pragma once

#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

enum class Rounding { NearestEven, TowardZero };

/// Whether `type` is an 8-bit float that can be converted: f8E4M3FN, f8E5M2, f8E4M3B11FNUZ.
bool isFp8(mlir::Type type);

/// Converts each register. Narrowing to 8 bits saturates to the largest finite value (infinities too) and
/// keeps NaN, as the instructions of sm_89 do; other narrowings overflow to infinity. Null when the pair is
/// not known.
Registers convertFloat(Emitter& emitter, const Registers& from, mlir::Type fromType, mlir::Type toType,
                       Rounding rounding = Rounding::NearestEven);

} // namespace tuned::nvptx
