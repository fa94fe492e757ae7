// Which instruction a dot is made of, and where its operands and result have to lie for it. The layout pass
// asks this, and lower_dot.cpp follows it.
#pragma once

#include "backend/gpu/layout/linear_layout.h"
#include "backend/nvptx/target.h"
#include "ir/dialect/Dialect.h"

namespace tuned::nvptx {

enum class DotInstruction {
  MmaF16,    ///< m16n8k16; also 8-bit floats, widened to half, where mma does not take them
  MmaBf16,   ///< m16n8k16
  MmaTf32,   ///< m16n8k8 on the upper 19 bits of each float
  MmaTf32x3, ///< three products of the upper and the lower parts
  MmaFp8,    ///< m16n8k32 on e4m3 and e5m2, in any mixture
  MmaInt8,   ///< m16n8k32, signed
  MmaF64,    ///< m8n8k4
  Scalar,    ///< multiply-adds in a loop, operands read from shared memory: every other type and size
};

struct DotPlan {
  DotInstruction instruction = DotInstruction::Scalar;
  unsigned fragmentBits = 0;                ///< bits of an element in the operands' fragments; 0 for Scalar
  unsigned tileM = 1, tileN = 1, tileK = 1; ///< of one instruction
  LinearLayout a, b,
      d; ///< d also of c. Scalar takes its operands in any layout; a and b are what suits loads
};

/// `precision` counts for f32 operands alone. Absent tensor-core support for a type (or K below the
/// instruction's) gives Scalar.
DotPlan planDot(mlir::RankedTensorType a, mlir::RankedTensorType b, mlir::RankedTensorType d,
                tt::InputPrecision precision, const Target& target, unsigned numWarps);

} // namespace tuned::nvptx
