// Instructions of AVX-512 that the intrinsics of LLVM IR do not reach, or only with several others around
// them.
#pragma once

#include <llvm/IR/IRBuilder.h>

namespace tuned::cpu {

/// value * 2^exponent of f32 vectors, the exponent a whole number as a float: rounded once, with infinities
/// and subnormal numbers as they should be. Null where the host or the vector's length has no instruction for
/// it.
llvm::Value* scaleByPowerOfTwo(llvm::IRBuilderBase& builder, llvm::Value* value, llvm::Value* exponent);

/// maximumnum(sofar, next), or minimumnum, of f32 vectors of which `sofar` holds no signalling NaN: two
/// instructions instead of six. Null as above.
llvm::Value* extremeWithNext(llvm::IRBuilderBase& builder, llvm::Value* sofar, llvm::Value* next,
                             bool largest);

} // namespace tuned::cpu
