// How one type follows from another: what a pointer points to, masks, elements. Encodings are kept.
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <mlir/IR/BuiltinTypes.h>

namespace tuned::tt {

/// Largest number of elements in a tensor, as in Triton.
inline constexpr int64_t maxTileElements = 1 << 20;

/// The type in a tensor, or the scalar type itself.
mlir::Type elementType(mlir::Type type);
/// `type` with another element type: tensors keep shape and encoding, scalars become `element`.
mlir::Type withElementType(mlir::Type type, mlir::Type element);
/// What a load through `pointer` gives; block pointers give their tensor. Other types give themselves.
mlir::Type loadedType(mlir::Type pointer);
/// i1 in the shape of `type` (of the block, for block pointers).
mlir::Type maskType(mlir::Type type);
/// The scalar pointer under a block pointer.
mlir::Type blockBase(mlir::Type blockPointer);
/// The shape of a tensor; empty for scalars.
llvm::ArrayRef<int64_t> shapeOf(mlir::Type type);
/// Bits of an integer or float element; pointers have 64.
unsigned elementBits(mlir::Type type);

} // namespace tuned::tt
