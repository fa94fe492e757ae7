// Where every tile of a kernel lives, decided before any code is emitted.
//
// A tile is evaluated anew by each loop that reads it (virtual), or written once to a slot of the thread's
// scratch. Cheap values, and values that one loop reads in its own order, are virtual, so that chains of
// operations fuse. A load is never read later than memory that it may read is written; it may be read by the
// very loop that writes only if that loop overwrites each element where, and not before, it has read it.
#pragma once

#include "base/error.h"
#include "base/model/launch_condition.h"
#include "ir/analysis/address/addresses.h"

#include <llvm/ADT/DenseMap.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::cpu {

/// What an operation is to the planner.
enum class Kind {
  Scalar,      ///< no tensor result and no tensor to loop over
  Source,      ///< constant, range, splat
  View,        ///< same elements in the same row-major order: expand_dims, reshape
  Broadcast,   ///< repeats elements
  Permutation, ///< other order: trans, split
  Elementwise,
  Load,    ///< reads memory that others may write
  Gather,  ///< reads its source at computed places
  Control, ///< has regions, or ends a block
  Root,    ///< emits loops of its own; tensor results live in slots
};
Kind kindOf(mlir::Operation& op);

/// Bytes of one element in memory; i1 takes one, pointers eight.
int64_t storageBytes(mlir::Type element);

class Plan {
public:
  enum class Home {
    Virtual,
    Slot,
    Carried, ///< another value plus a scalar that the loop carries (nothing, for arguments of calls)
  };

  /// `callees` gives the body of each tt.call: its own, that no other call shares.
  using Callees = llvm::DenseMap<mlir::Operation*, tt::FuncOp>;
  /// With no facts (null), whatever writes memory is taken to overwrite any load.
  Plan(tt::FuncOp entry, const Callees& callees, const tt::AxisInfoAnalysis* facts);

  Home home(mlir::Value value) const { return tiles_.at(value).home; }
  /// Carried: the value that the offset is added to.
  mlir::Value carriedFrom(mlir::Value value) const { return tiles_.at(value).from; }
  /// Slot: bytes from the start of scratch, a multiple of 64.
  int64_t offset(mlir::Value value) const;
  /// Roughly the cycles that evaluating one vector of it takes.
  int cost(mlir::Value value) const { return tiles_.at(value).cost; }
  /// Two values in one slot.
  bool sameSlot(mlir::Value a, mlir::Value b) const { return representative(a) == representative(b); }
  /// Room that only `op` uses; `index` counts what temporaryBytes lists.
  int64_t temporary(mlir::Operation* op, unsigned index) const { return temporaries_.at({op, index}); }
  /// A tile whose slot is filled by the loops of a later operation, the first that reads it; null: by its
  /// own.
  mlir::Operation* filledBy(mlir::Value value) const { return tiles_.at(value).filledBy; }
  int64_t scratchBytes() const { return scratchBytes_; }
  /// What must hold of the arguments for loads to be read in the loops of stores to other arguments.
  const std::vector<LaunchCondition>& conditions() const { return conditions_; }

  /// The call whose body `function` is, or null.
  mlir::Operation* callOf(mlir::Operation* function) const;

  /// How evaluating `value` reads the slot of `tile`.
  enum class Reads { No, InPlace, Elsewhere };
  Reads reads(mlir::Value value, mlir::Value tile) const;

  /// Scalars to add to a carried tile each time round: walks from `yielded` to `argument` through additions
  /// of splats. Empty optional: the tile changes in another way.
  static std::optional<llvm::SmallVector<mlir::Value>> carriedSteps(mlir::Value yielded,
                                                                    mlir::Value argument);

private:
  struct Tile {
    Home home = Home::Virtual;
    mlir::Value from;                // Carried
    mlir::Operation* sink = nullptr; // the only operation whose loops evaluate it
    bool manySinks = false, mapped = false;
    unsigned lastUse = 0; // position of the last operation that evaluates it
    int cost = 0;         // of evaluating one element
    bool loads = false;
    mlir::Operation* filledBy = nullptr;
    mlir::Value slotOf; // Slot: the value whose slot it shares
    int64_t offset = -1;
  };
  using Temporary = std::pair<mlir::Operation*, unsigned>;

  void number(mlir::Region& region);
  void markCarried(mlir::scf::ForOp loop);
  void visit(llvm::function_ref<void(mlir::Operation&)> action, bool reverse);
  void estimate(mlir::Operation& op);
  void decide(mlir::Operation& op);
  void decideValue(mlir::Value value);
  void decideLoopArguments(mlir::Operation& op);
  void gatherSinks(mlir::Value value, Tile& tile);
  void addSink(Tile& tile, mlir::Operation* sink, bool mapped);
  void addSinksOf(Tile& tile, mlir::Value through, bool mapped);
  bool mayStayVirtual(mlir::Value value, const Tile& tile);
  bool writtenBetween(mlir::Operation* from, mlir::Operation* to) const;
  bool overwrites(mlir::Operation* sink, mlir::Operation* load);
  bool overwritesLoadsOf(mlir::Value value, mlir::Operation* sink);
  void requireApart(mlir::Value read, mlir::Value written);
  void defer(mlir::Operation& op);
  void extendUses(mlir::Value value, unsigned position);
  bool evaluates(mlir::Operation& op) const;
  void shareSlots(mlir::Operation& op);
  bool mayWriteInto(mlir::Value value, mlir::Value loopArgument) const;
  mlir::Value representative(mlir::Value value) const;
  void allocate();
  unsigned endOfUse(mlir::Value value, const Tile& tile) const;

  const Callees& callees_;
  const tt::AxisInfoAnalysis* facts_;
  llvm::DenseMap<mlir::Value, Tile> tiles_;
  llvm::DenseMap<mlir::Operation*, std::pair<unsigned, unsigned>> positions_; // first and last inside
  std::vector<mlir::Operation*> order_;
  std::vector<unsigned> writes_; // positions of operations that write memory
  std::map<Temporary, int64_t> temporaries_;
  std::vector<LaunchCondition> conditions_;
  int64_t scratchBytes_ = 0;
  bool branches_ = false; // blocks in any order: no slot is used twice
};

/// The type in which a dot with this result accumulates.
mlir::Type dotComputeType(mlir::Value result);
/// Is `value` in a slot with elements of this type?
bool isDense(mlir::Value value, mlir::Type element, const Plan& plan);

/// Bytes of each temporary that `op` needs, in order.
llvm::SmallVector<int64_t> temporaryBytes(mlir::Operation& op, const Plan& plan);

} // namespace tuned::cpu
