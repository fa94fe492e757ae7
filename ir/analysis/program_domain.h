// Vectorised evaluation of scalar slices: one value for each program and iteration that they depend on.
#pragma once

#include "ir/dialect/Dialect.h"

#include <array>
#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallBitVector.h>
#include <map>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <optional>
#include <vector>

namespace tuned::tt {

/// One value a point.
using Column = std::vector<int64_t>;

/// Which sources scalars depend on. Sources are numbered: 0 to 2 are the axes of the grid, then come the
/// loops of the function, outer ones before inner ones.
class Slices {
public:
  Slices(FuncOp function, std::optional<std::array<int64_t, 3>> grid);

  /// The sources of an integer scalar, those of the loops' bounds among them; null: it depends on something
  /// else too.
  const llvm::SmallBitVector* of(mlir::Value scalar);

  unsigned count() const { return 3 + unsigned(loops_.size()); }
  mlir::scf::ForOp loop(unsigned source) const { return loops_[source - 3]; }
  unsigned number(mlir::scf::ForOp loop) const { return numbers_.lookup(loop.getOperation()); }
  const std::optional<std::array<int64_t, 3>>& grid() const { return grid_; }

private:
  std::optional<llvm::SmallBitVector> compute(mlir::Value scalar);
  std::optional<llvm::SmallBitVector> computeArgument(mlir::BlockArgument argument);
  bool join(llvm::SmallBitVector& into, mlir::Value scalar);
  bool joinBounds(llvm::SmallBitVector& into, mlir::scf::ForOp loop);

  std::optional<std::array<int64_t, 3>> grid_;
  std::vector<mlir::scf::ForOp> loops_;
  llvm::DenseMap<mlir::Operation*, unsigned> numbers_;
  std::map<const void*, std::optional<llvm::SmallBitVector>> known_; // a map, so that pointers stay good
  int depth_ = 0;
};

/// A value that is added to a loop-carried scalar (or tensor, or pointer) in every iteration.
struct Recurrence {
  mlir::Value init;
  mlir::Value step; ///< null: the value is passed on as it is
};

/// The recurrence of a loop's region argument; null when it is carried in any other way.
std::optional<Recurrence> recurrenceOf(mlir::BlockArgument argument);

/// All points (programs and iterations) of a set of sources, and columns of values on them.
class Domain {
public:
  /// Null: loops without end, none that runs at all, or more than `limit` points. Evaluations end at that
  /// too.
  static std::optional<Domain> make(Slices& slices, const llvm::SmallBitVector& sources, int64_t limit);

  size_t points() const { return points_; }
  /// Evaluations so far: points times operations.
  int64_t spent() const { return spent_; }
  /// The values of a scalar whose sources are among the domain's; null where one cannot be told (x / 0).
  const Column* values(mlir::Value scalar);
  /// Iterations before, for a loop of the domain.
  const Column& iterations(mlir::scf::ForOp loop) const { return iterations_.at(slices_->number(loop)); }
  /// How often a loop runs; its bounds' sources are among the domain's.
  std::optional<Column> trips(mlir::scf::ForOp loop);

private:
  Domain(Slices& slices, int64_t limit) : slices_(&slices), limit_(limit) {}
  bool expand(unsigned source);
  void repeat(const Column& counts, size_t total);
  std::optional<Column> compute(mlir::Value scalar);
  std::optional<Column> computeCarried(mlir::Value init, mlir::Value step, const Column& times,
                                       mlir::Type type);

  Slices* slices_;
  int64_t limit_;
  size_t points_ = 1;
  int64_t spent_ = 0;
  int depth_ = 0;
  std::map<unsigned, Column> counters_;   // program ids and induction variables
  std::map<unsigned, Column> iterations_; // of loops
  std::map<const void*, std::optional<Column>> columns_;
};

/// The value as its type holds it: signed, i1 as 0 or 1.
int64_t wrapTo(mlir::Type type, int64_t value);

/// An operation without regions on columns of its operands; nullopt for what is not known or not defined.
std::optional<Column> applyScalar(mlir::Operation* op, llvm::ArrayRef<const Column*> operands, size_t points);
/// Whether applyScalar knows the operation.
bool isScalarArithmetic(mlir::Operation* op);

} // namespace tuned::tt
