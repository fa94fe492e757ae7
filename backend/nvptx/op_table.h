// Which function lowers which operation. Each family of operations is a file lower_<family>.cpp that adds its
// rows.
#pragma once

#include "base/error.h"

#include <llvm/ADT/StringMap.h>

namespace mlir {
class Operation;
}

namespace tuned::nvptx {

class Emitter;

struct OpLowering {
  /// Emits the operation and sets its results (Emitter::set).
  Result<void> (*emit)(Emitter&, mlir::Operation&) = nullptr;
  /// Bytes of shared memory that the operation needs while it runs; null: none. Known before emission, from
  /// types alone (layouts are assigned by then). Such an operation writes its scratch (Emitter::scratch),
  /// calls Emitter::barrier() once or more, and reads: other operations' barriers are placed on that promise.
  uint32_t (*scratchBytes)(mlir::Operation&) = nullptr;
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

} // namespace tuned::nvptx
