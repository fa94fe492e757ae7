// Vectors that one load or store moves: which registers, how wide.
#pragma once

#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

/// Registers that go together: element e of the vector at `base` is register base ^ combine(vector, e).
struct VectorPlan {
  std::vector<uint32_t> bases; ///< without registers that replicate others
  Bases vector;
  unsigned size() const { return 1u << vector.size(); }
  uint32_t member(uint32_t base, uint32_t element) const { return base ^ combine(vector, element); }
};

/// As wide as `nv.vector` of the operation, the layout's registers and 16 bytes allow. `bytes`: of an
/// element.
VectorPlan planVectors(mlir::Operation& op, const LinearLayout& layout, unsigned bytes);

/// The 32-bit (64-bit for 64-bit elements, narrower for a vector below 32 bits) words that memory
/// instructions move.
struct Words {
  unsigned count = 1, bits = 32;
  static Words of(unsigned elements, unsigned bytes);
  std::string suffix() const; ///< ".v4.b32"
  const char* constraint() const;
};
/// The vector's elements (as they lie in memory) as words, and back.
llvm::SmallVector<llvm::Value*> pack(Emitter& e, llvm::ArrayRef<llvm::Value*> elements, Words words);
llvm::SmallVector<llvm::Value*> unpack(Emitter& e, llvm::ArrayRef<llvm::Value*> words, unsigned elements,
                                       llvm::Type* elementType);

/// "{$first, $first+1, …}" or "$first" for one.
std::string operandList(unsigned first, unsigned count);

} // namespace tuned::nvptx
