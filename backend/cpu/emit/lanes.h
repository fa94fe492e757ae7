// Which elements of a tile a vector holds, and what is known of their values.
//
// Every dimension of a tile is a power of two, so an element's place in row-major order is a string of bits,
// and all views (broadcast, transpose, reshape, split, …) move, drop or insert bits. An index is therefore
// kept as bit fields that scalars supply (loop counters) and bits that depend on the lane alone, which are
// constants.
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>

namespace tuned::cpu {

/// Bits shift … shift + bits - 1 of an index: an i64 scalar below 2^bits.
struct Field {
  llvm::Value* value;
  unsigned shift, bits;
  unsigned level; ///< the scope (Scopes) whose loop defines the value
  bool operator==(const Field&) const = default;
};

/// Row-major places of a vector's lanes: lane l is at (sum of fields) + lanes[l]; fields and lanes share no
/// bits.
struct LaneIndex {
  llvm::SmallVector<Field, 4> fields;
  llvm::SmallVector<int64_t, 16> lanes = {0};

  unsigned width() const { return lanes.size(); }
  unsigned level() const;
  bool operator==(const LaneIndex&) const = default;

  /// Lanes first … first + width - 1 of nothing but constants.
  static LaneIndex consecutive(unsigned width, int64_t first = 0);
};

enum class Pattern { Uniform, Contiguous, Other };
/// How `offsets` run in steps of `unit`. One lane is uniform.
Pattern patternOf(llvm::ArrayRef<int64_t> offsets, int64_t unit);

/// One value per lane. A scalar stands for all lanes alike, or, with offsets, for lane l = scalar +
/// offsets[l] (integers, which wrap in their own type; pointers count bytes).
struct LaneValue {
  llvm::Value* value = nullptr;
  llvm::SmallVector<int64_t, 16> offsets = {}; ///< empty: uniform, or a vector

  bool isVector() const { return value->getType()->isVectorTy(); }
  bool isUniform() const { return !isVector() && offsets.empty(); }
  bool isAffine() const { return !isVector(); }
  int64_t offset(unsigned lane) const { return offsets.empty() ? 0 : offsets[lane]; }
};

/// `value` with these offsets; all zero is uniform.
LaneValue affine(llvm::Value* value, llvm::SmallVector<int64_t, 16> offsets);

/// The vector of `width` lanes; for one lane the scalar.
llvm::Value* toVector(llvm::IRBuilderBase& builder, const LaneValue& value, unsigned width);
/// `scalar` on every lane; one lane is the scalar itself.
llvm::Value* splat(llvm::IRBuilderBase& builder, llvm::Value* scalar, unsigned width);
/// The type of `width` elements.
llvm::Type* vectorOf(llvm::Type* element, unsigned width);
inline unsigned widthOf(llvm::Value* value) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector ? vector->getNumElements() : 1;
}
/// Lane `lane` of a vector or of a scalar that is its own only lane.
llvm::Value* lane(llvm::IRBuilderBase& builder, llvm::Value* vector, unsigned lane);
/// A vector of these scalars; one is itself.
llvm::Value* gatherLanes(llvm::IRBuilderBase& builder, llvm::ArrayRef<llvm::Value*> scalars);

inline unsigned log2(int64_t powerOfTwo) {
  return unsigned(__builtin_ctzll(uint64_t(powerOfTwo)));
}

} // namespace tuned::cpu
