// How far a right answer may be from the recorded one, read off the kernel: where no operation leaves the
// result open, not at all.
#pragma once

#include "backend/reference/numeric.h"

#include <mlir/IR/BuiltinOps.h>

#include <string>

namespace tuned::conformance {

/// What in a kernel makes correct devices differ: order of sums, contraction of a * b + c, approximated
/// functions, reduced input precision; and which roundings to narrow types carry such a difference on.
struct Freedom {
  double relative = 0;   ///< error of approximated functions, relative to each value
  double exponent = 0;   ///< of exp: error of its argument, relative to the argument
  double summed = 0;     ///< unit roundoff of the running value of sums and contractions; 0: there are none
  double terms = 1;      ///< how many terms the longest sum has
  double inputs = 0;     ///< unit roundoff that the terms of sums were read with (tf32)
  double narrowed = 0;   ///< largest unit roundoff that such a difference passes through on its way
  bool reorders = false; ///< the order of elements is free too (tt.cat)

  bool exact() const { return relative == 0 && summed == 0; }
  std::string text() const;
};

Freedom freedomOf(mlir::ModuleOp module);

/// Allowed |got - expected| for an element of a buffer whose finite elements have this root mean square.
double allowed(const Freedom& freedom, reference::Kind kind, double expected, double rootMeanSquare);

} // namespace tuned::conformance
