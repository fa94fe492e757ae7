// Functions of numbers by name, for the operations of `math` and for those of NVIDIA's device library.
#pragma once

#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {

/// A function of tiles of one float type, f32 or f64 (16 bits come and go as f32).
struct MathFunction {
  Value (*f32)(Tiles&, std::span<const Value>) = nullptr;
  Value (*f64)(Tiles&, std::span<const Value>) = nullptr; ///< null: there is none
  unsigned arguments = 1;
};

/// By the name without a prefix ("erf"); null: there is none.
const MathFunction* mathFunction(llvm::StringRef name);

} // namespace tuned::tileir
