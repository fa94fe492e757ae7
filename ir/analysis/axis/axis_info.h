// What is known of the values of integer and pointer tensors, dimension by dimension.
#pragma once

#include "ir/dialect/Dialect.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallVector.h>
#include <map>
#include <optional>

namespace tuned::tt {

/// Facts about one value. A scalar counts as one dimension of size 1. With 1 in every list nothing is known.
///
/// In dimension d, the lines along d are cut into runs that start at multiples of the run's length:
/// - contiguity[d]: values in a run rise by exactly one an element (pointers: by one pointee).
/// - constancy[d]: values in a run are all equal.
/// - divisibility[d]: the first value of every run of contiguity[d] is a multiple of it; for pointers in
/// bytes.
///   Where contiguity[d] is 1 that is every value.
/// All are powers of two; contiguity and constancy divide the size of the dimension.
///
/// Arithmetic wraps, and every fact holds when it does: integers rise modulo two to the type's width. Nothing
/// is assumed of arguments. What needs values that are not negative (runs of quotients and remainders) asks
/// for a proven lower bound. One exception: 32-bit offsets that are added to a pointer are taken not to wrap
/// inside a run, because no buffer holds the addresses on both sides of such a run.
class AxisInfo {
public:
  using Dims = llvm::SmallVector<int64_t, 4>;
  static constexpr int64_t maxDivisor = int64_t(1) << 62; ///< divisibility of zero

  Dims contiguity, divisibility, constancy;
  std::optional<int64_t> constant;     ///< the value everywhere, when it is known (signed; i1: 0 or 1)
  std::optional<int64_t> lower, upper; ///< inclusive signed bounds of all elements, when they are proven

  /// Nothing known of a value of this type.
  static AxisInfo unknown(mlir::Type type);
  /// The same value everywhere.
  static AxisInfo ofConstant(mlir::Type type, int64_t value);
  /// What holds of a value that is either of two.
  static AxisInfo join(const AxisInfo& a, const AxisInfo& b);

  size_t rank() const { return contiguity.size(); }
  /// Proven not to be negative anywhere.
  bool isNatural() const { return lower && *lower >= 0; }
  /// What divides the values at multiples of `run` along d, where neighbours differ by `step` in a run.
  int64_t divisorAt(size_t d, int64_t run, int64_t step = 1) const;
  /// What divides every value.
  int64_t divisor(int64_t step = 1) const;
  bool operator==(const AxisInfo&) const = default;
};

/// Which hints are believed. Programs call `(rows % M)` and clamped rows contiguous for a whole tile, so that
/// a GPU loads sixteen bytes at once; behind M that is false, and what is loaded there is masked at the
/// store. Whoever would read further than such an access takes the hints on such values for nothing.
enum class Hints { All, NotOfWrapped };

/// Forward dataflow over one function, through scf.for, if and while. Loops are iterated to a fixpoint;
/// arguments of blocks that are branched to are unknown (simplify() leaves none). Hints (tt.divisibility,
/// tt.contiguity, tt.constancy on operations and arguments) and llvm.intr.assume of a comparison with a
/// constant, or of `x % c == 0`, are believed, and so is the function's grid (setGrid).
class AxisInfoAnalysis {
public:
  AxisInfoAnalysis() = default; ///< nothing is known of any value
  explicit AxisInfoAnalysis(FuncOp function, Hints hints = Hints::All);

  /// The facts about a value of the function; nothing is known of values that are no integers or pointers.
  const AxisInfo& of(mlir::Value value) const;

  /// How many neighbouring elements along dimension `d` one access can take: contiguous, with an address
  /// aligned to its size, and (where there is a mask) with equal mask bits. A power of two, at least 1.
  /// `mask` may be null.
  int64_t vectorLength(mlir::Value pointers, mlir::Value mask, size_t d) const;

private:
  llvm::DenseMap<mlir::Value, AxisInfo> facts_;
  mutable std::map<const void*, AxisInfo> unknown_; // a map, so that references stay good
};

/// Bytes between neighbouring elements behind a pointer (or tensor of pointers): 1 for i1.
int64_t pointeeBytes(mlir::Type pointers);

} // namespace tuned::tt
