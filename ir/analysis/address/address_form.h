// Integers and addresses as linear forms: what they are made of is told apart from how they run over a tile.
#pragma once

#include "ir/dialect/Dialect.h"

#include <llvm/ADT/MapVector.h>
#include <llvm/ADT/SmallVector.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <optional>

namespace tuned::tt {

/// constant + Σ factor · term + Σ stride · coordinate, in elements for integers and in bytes for pointers.
/// Terms are scalars (or pointers) of the function that are not looked into. Integers of 32 bits and more may
/// have wrapped on the way: a value is off by a multiple of 2^32 (times the pointee's size) at most.
struct AddressForm {
  llvm::SmallVector<int64_t, 4> strides; ///< by dimension of the tile; none for scalars
  llvm::MapVector<mlir::Value, int64_t> terms;
  int64_t constant = 0;

  bool operator==(const AddressForm& other) const;
};

/// Nothing for tiles that are not linear in their coordinates with known strides.
std::optional<AddressForm> addressForm(mlir::Value value);

/// How far the value moves from one iteration of the loop to the next; nothing when that is not a constant.
std::optional<int64_t> movement(const AddressForm& form, mlir::LoopLikeOpInterface loop);

/// What a tile of pointers covers, without its terms: bytes from `begin` to before `end`.
struct Envelope {
  int64_t begin = 0, end = 0;
};
Envelope envelope(const AddressForm& form, mlir::Type pointers);

/// Whether the elements of a tile with this form all differ: from the smallest stride up, each is longer than
/// all that the smaller ones reach.
bool elementsDiffer(const AddressForm& form, mlir::Type tile);

} // namespace tuned::tt
