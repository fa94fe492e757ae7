// Which function emits which operation. Each family of operations is a file that adds its rows.
#pragma once

#include "base/error.h"

#include <llvm/ADT/StringMap.h>

namespace mlir {
class Operation;
}

namespace tuned::tileir {

class Emitter;

/// Emits an operation and sets its results.
using EmitOp = Result<void> (*)(Emitter&, mlir::Operation&);
/// By the operation's full name ("tt.load").
using OpTable = llvm::StringMap<EmitOp>;

void addIntegers(OpTable& table);  ///< integers.cpp: arith on integers
void addDivisions(OpTable& table); ///< divisions.cpp: quotients and remainders
void addFloats(OpTable& table);    ///< floats.cpp: arith on floats
void addCasts(OpTable& table);     ///< casts.cpp
void addMath(OpTable& table);      ///< math.cpp
void addShapes(OpTable& table);    ///< shapes.cpp: range, splat, broadcast, reshape, trans, join, split, cat
void addMemory(OpTable& table);    ///< memory.cpp: addptr, load, store
void addAtomics(OpTable& table);   ///< atomics.cpp
void addDescriptors(OpTable& table); ///< descriptors.cpp
void addControl(OpTable& table);     ///< control.cpp: scf, program ids, assert
void addReductions(OpTable& table);  ///< reductions.cpp: reduce, scan, map_elementwise
void addExchanges(OpTable& table);   ///< exchanges.cpp: gather, histogram
void addDots(OpTable& table);        ///< dots.cpp

const OpTable& opTable();

} // namespace tuned::tileir
