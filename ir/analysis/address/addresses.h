// Which memory an access may touch, and whether two accesses name the same element at the same place of their
// tiles. The backends decide from it what may be read late and where threads must wait for each other.
#pragma once

#include "ir/analysis/axis/axis_info.h"

#include <llvm/ADT/SetVector.h>
#include <mlir/IR/BuiltinOps.h>

namespace tuned::tt {

/// What an operation itself reads or writes in the memory that arguments point to. An operation that the
/// dialect does not know to be harmless (assembly with side effects, a call) has no address and does both.
/// Atomic: other atomic accesses may happen at once.
struct MemoryAccess {
  mlir::Value address; ///< a pointer, a tile of pointers, or a tensor descriptor; null: not known
  bool reads = false, writes = false, atomic = false;
};
/// Nothing for an operation that touches no such memory; what its regions do is not looked at.
std::optional<MemoryAccess> memoryAccess(mlir::Operation* op);

/// Whether any operation of the module reads and writes memory at once (atomics, reductions into memory,
/// assembly with side effects): such programs are only right all together.
bool updatesMemory(mlir::ModuleOp module);

/// The attribute of a function whose arguments may overlap (ir/transforms/any_address.h).
inline constexpr const char* mayOverlapAttribute = "tt.may_overlap";

/// The arguments of the enclosing function that an address is computed from; nothing when it may come from
/// elsewhere (an integer, memory, a caller), or may be another argument's as well.
std::optional<llvm::SetVector<mlir::Value>> pointerOrigins(mlir::Value address);

/// Whether both may touch the same byte, at any time. Different arguments are taken to point to memory that
/// does not overlap.
bool mayOverlap(const MemoryAccess& a, const MemoryAccess& b);

/// Whether the two are the same tile of addresses for as long as the values that they are computed from stay
/// the same: one value, or the same computation of the same values.
bool sameAddresses(mlir::Value a, mlir::Value b);

/// The same but for the one argument that each of them starts from.
bool sameOffsets(mlir::Value a, mlir::Value b);

/// Whether the elements of a tile of pointers are proven to be different addresses: contiguous ones, and
/// constant strides of which each passes over what the smaller ones reach.
bool hasDistinctElements(mlir::Value pointers, const AxisInfoAnalysis& facts);

/// Whether two pointers, or tiles of pointers, that come from the same values are proven to share no byte.
bool liesApart(mlir::Value a, mlir::Value b);

} // namespace tuned::tt
