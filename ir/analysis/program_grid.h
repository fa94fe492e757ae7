// What scalars can be, found by running through all programs. A build is for exact sizes, so its grid is
// known, and whatever depends on program ids, loop counters and constants alone is evaluated for every
// program and iteration: exact where symbolic ranges would need relations (grouped orders, remainders that
// never wrap, loop bounds).
#pragma once

#include "ir/analysis/address/linear_form.h"
#include "ir/dialect/Dialect.h"

#include <array>
#include <map>
#include <memory>
#include <vector>

namespace tuned::tt {

/// All values that a scalar takes in any program and iteration lie in [lower, upper], signed (i1: 0 or 1),
/// and are multiples of `divisor` (0: all are zero).
struct ScalarFacts {
  int64_t lower = 0, upper = 0;
  int64_t divisor = 1;

  std::optional<int64_t> constant() const { return lower == upper ? std::optional(lower) : std::nullopt; }
  bool dividedBy(int64_t number) const { return divisor % number == 0; }
};

/// Evaluates on demand and remembers. Integers wrap as their types do, arguments are unknown, and so is
/// whatever depends on memory, on a division by zero or on more than `limit` evaluations; but where such a
/// number is kept between two constants by a minimum and a maximum, its range is known.
class ProgramGrid {
public:
  static constexpr int64_t limit = 4 << 20;

  /// `grid`: programs along each axis, each at least 1; absent: program ids are unknown.
  ProgramGrid(FuncOp function, std::optional<std::array<int64_t, 3>> grid);
  ~ProgramGrid();
  ProgramGrid(ProgramGrid&&) noexcept;

  /// Facts of an integer scalar; with `at`, only of the executions that reach that operation, as far as the
  /// conditions around it are known. Null: not known.
  std::optional<ScalarFacts> of(mlir::Value scalar, mlir::Operation* at = nullptr);
  std::optional<ScalarFacts> of(const LinearForm& form, mlir::Operation* at = nullptr);

  /// The forms' values side by side, one row a program and iteration that they depend on (rows may repeat).
  std::optional<std::vector<std::vector<int64_t>>> rows(llvm::ArrayRef<LinearForm> forms);

  /// The scalar as a sum of products with constants, as far as it goes: through additions, loop-carried sums
  /// and extensions that provably keep the value. Exact modulo 2^width of the scalar's type: the value itself
  /// is the form's wherever the form's facts fit the type.
  LinearForm linear(mlir::Value scalar);

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether every value of the facts fits a signed integer of that type.
bool fits(const ScalarFacts& facts, mlir::Type type);

} // namespace tuned::tt
