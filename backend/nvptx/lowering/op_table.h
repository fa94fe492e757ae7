// Which function lowers which operation. Each family of operations is a file lower_<family>.cpp that adds its
// rows.
#pragma once

#include "base/error.h"

#include <llvm/ADT/StringMap.h>
#include <vector>

namespace mlir {
class Operation;
}

namespace tuned::nvptx {

class Emitter;

/// Threads access shared memory: a write without a read starts its contents anew.
struct OwnedAccess {
  bool reads = false, writes = false;
  mlir::Operation* owner = nullptr; ///< whose scratch it is; null: the operation's own
};
/// What an operation does before its first barrier, between that and the next, …: one more than it has
/// barriers.
using SharedPhases = std::vector<std::vector<OwnedAccess>>;

struct OpLowering {
  /// Emits the operation and sets its results (Emitter::set).
  Result<void> (*emit)(Emitter&, mlir::Operation&) = nullptr;
  /// Bytes of shared memory (Emitter::scratch) that the operation needs, while it runs or, where other
  /// operations access them, until the last of those has run; null: none. Known before emission, from types
  /// alone (layouts are assigned by then).
  uint32_t (*scratchBytes)(mlir::Operation&) = nullptr;
  /// Its accesses and its calls of Emitter::barrier(): other barriers are placed on that promise. Null: an
  /// operation with scratch writes it, waits once and reads it; one without has neither.
  SharedPhases (*sharedPhases)(mlir::Operation&) = nullptr;
};

/// By the operation's full name ("tt.load").
using OpTable = llvm::StringMap<OpLowering>;

void addArithmetic(OpTable& table);  ///< lower_arithmetic.cpp: arith
void addMath(OpTable& table);        ///< lower_math.cpp: math, precise_*, clampf
void addConversions(OpTable& table); ///< lower_conversions.cpp: fp_to_fp, extf, truncf, int/float, bitcast
void addViews(OpTable& table); ///< lower_views.cpp: range, splat, broadcast, reshape, trans, join, split, cat
void addMemory(OpTable& table);        ///< lower_memory.cpp: addptr, load, store
void addControl(OpTable& table);       ///< lower_control.cpp: scf, cf, program ids
void addReductions(OpTable& table);    ///< lower_reduce.cpp
void addScans(OpTable& table);         ///< lower_scan.cpp
void addConvert(OpTable& table);       ///< lower_convert.cpp: nv.convert_layout, barriers
void addPrivateCopies(OpTable& table); ///< lower_private_copy.cpp: asynchronous copies and their memory
void addExchanges(OpTable& table);     ///< lower_gather.cpp: gather, histogram
void addDot(OpTable& table);           ///< lower_dot.cpp
void addAtomics(OpTable& table);       ///< lower_atomics.cpp
void addDescriptors(OpTable& table);   ///< lower_descriptors.cpp
void addInline(OpTable& table);        ///< lower_inline.cpp: inline asm, libdevice, map_elementwise
void addOutput(OpTable& table);        ///< lower_output.cpp: assert, print

/// All of them.
const OpTable& opTable();

/// Of the operation's row: 0 without one.
uint32_t scratchBytes(mlir::Operation& op);
/// Of the operation's row, or what stands for none: {{}} where the operation knows no shared memory.
SharedPhases sharedPhases(mlir::Operation& op);

} // namespace tuned::nvptx
