// Writes one function of kernel IR as a Tile IR entry. A tensor is a tile, a scalar a tile of no dimensions,
// a tensor descriptor its base, sizes and strides. Families of operations are files of their own
// (op_table.h).
#pragma once

#include "backend/tileir/emit/memory/tokens.h"
#include "backend/tileir/emit/op_table.h"
#include "backend/tileir/emit/tiles.h"
#include "base/model/launch_condition.h"
#include "ir/analysis/address/free_accesses.h"
#include "ir/analysis/axis/axis_info.h"
#include "ir/analysis/program_grid.h"
#include "ir/dialect/Dialect.h"

#include <llvm/ADT/DenseMap.h>

namespace tuned::tileir {

struct EmitOptions {
  int capability = 90; ///< 10 × major + minor
  bool fuseMultiplyAdd = true;
  int latency = 0;                                 ///< hint of loads; 0: not said
  int clusterCtas = 1, workerWarps = 4;            ///< as the entry's hints say
  std::optional<std::array<int64_t, 3>> grid = {}; ///< the launch's, when it is known
  /// What passes before took for granted; multiples among it are told to the assembler.
  std::vector<LaunchCondition> conditions = {};
};

/// An error with the operation's file, line and column.
std::unexpected<Error> unsupported(mlir::Operation& op, const std::string& why);

class Emitter : public Tiles {
public:
  Emitter(Code& code, const EmitOptions& options, tt::FuncOp function);

  /// Emits the whole function. Unsupported names the operation and its place.
  Result<void> run();
  const std::vector<TypeId>& parameters() const { return parameters_; }
  /// What the code takes for granted of its arguments.
  const std::vector<LaunchCondition>& conditions() const { return conditions_; }
  void require(const LaunchCondition& condition) { tuned::require(conditions_, condition); }

  // --- values
  /// The tile of a value that was set.
  Value of(mlir::Value value) const { return parts(value).front(); }
  const Values& parts(mlir::Value value) const;
  void set(mlir::Value value, Value tile) { values_[value] = {tile}; }
  void setParts(mlir::Value value, Values tiles) { values_[value] = std::move(tiles); }
  /// The parts of several values one after the other, and values set from such a list; gives what is left.
  Values flattened(mlir::ValueRange values) const;
  std::span<const Value> bind(mlir::ValueRange values, std::span<const Value> parts);
  size_t partCount(mlir::Type type) const;

  // --- types
  /// The tile of a scalar or tensor; in a mapped region a scalar is a tile of the region's shape.
  TypeId type(mlir::Type type);
  TypeId elementTypeId(mlir::Type element);
  /// Types of the parts of a value.
  void appendTypes(mlir::Type type, std::vector<TypeId>& list);
  /// Why there is no tile of a type; empty: there is.
  std::string refusal(mlir::Type type) const;

  // --- code
  /// Emits the operations of a block up to its terminator.
  Result<void> emitBlock(mlir::Block& block);
  Result<void> emit(mlir::Operation& op);
  /// Emits a block of scalar operations on tiles of `shape`: what is a scalar there is a tile here.
  Result<void> emitMapped(mlir::Block& block, const Shape& shape);
  /// What an operation with all its regions does to memory.
  Effects effects(mlir::Operation* op);

  const EmitOptions options;
  Tokens tokens;
  const tt::AxisInfoAnalysis facts;
  tt::ProgramGrid grid;
  const tt::FreeAccesses free; ///< accesses that take no token and give none

private:
  void bindArguments();
  int64_t divisorOf(unsigned argument);

  tt::FuncOp function_;
  std::vector<TypeId> parameters_;
  std::vector<LaunchCondition> conditions_;
  llvm::DenseMap<mlir::Value, Values> values_;
  llvm::DenseMap<mlir::Operation*, Effects> effects_;
  Shape mapped_;
};

} // namespace tuned::tileir
