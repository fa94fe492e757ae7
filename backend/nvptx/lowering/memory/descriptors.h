// Tensor descriptors as values: one struct of base, shape (i32 each), strides (i64 each, in elements) and
// whether reads outside the shape give NaN.
//
// They are pointers with bounds so far. Where a block goes from or to shared memory whole, bulk tensor copies
// (TMA) take this one's place: then a host descriptor is a tensor map (ParameterKind::TensorMap).
#pragma once

#include "backend/nvptx/lowering/emitter.h"

namespace tuned::nvptx {

llvm::StructType* descriptorType(llvm::LLVMContext& context, tt::TensorDescType type);

/// A dimension's size as a descriptor holds it: a negative one is 0, so that nothing is inside.
llvm::Value* descriptorSize(Emitter& emitter, llvm::Value* given);

/// The host descriptor that arrives as argument `index` of the kernel: its address, whose top bit says that
/// padding is NaN, with its shape and strides in the arguments behind it.
llvm::Value* descriptorArgument(Emitter& emitter, llvm::Function& kernel, unsigned index,
                                tt::TensorDescType type);

} // namespace tuned::nvptx
