#include "backend/cpu/math/native.h"

#include "backend/cpu/run/host.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/IntrinsicsX86.h>

namespace tuned::cpu {
namespace {

constexpr unsigned nativeLanes = 16; // f32 in 64 bytes

bool isWhole(llvm::Value* value) {
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return type && type->getElementType()->isFloatTy() && type->getNumElements() % nativeLanes == 0;
}

// `body` on two vectors piece by piece, each as long as the machine's own.
llvm::Value* inPieces(llvm::IRBuilderBase& builder, llvm::Value* a, llvm::Value* b,
                      llvm::function_ref<llvm::Value*(llvm::Value*, llvm::Value*)> body) {
  const unsigned lanes = llvm::cast<llvm::FixedVectorType>(a->getType())->getNumElements();
  llvm::SmallVector<llvm::Value*> pieces;
  for (unsigned first = 0; first < lanes; first += nativeLanes) {
    auto places = llvm::to_vector(llvm::seq<int>(int(first), int(first + nativeLanes)));
    pieces.push_back(body(builder.CreateShuffleVector(a, places), builder.CreateShuffleVector(b, places)));
  }
  return llvm::concatenateVectors(builder, pieces);
}

} // namespace

llvm::Value* scaleByPowerOfTwo(llvm::IRBuilderBase& builder, llvm::Value* value, llvm::Value* exponent) {
  if (host().vectorBytes != 64 || !isWhole(value)) return nullptr;
  return inPieces(builder, value, exponent, [&](llvm::Value* one, llvm::Value* power) -> llvm::Value* {
    return builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_mask_scalef_ps_512, {},
                                   {one, power, llvm::PoisonValue::get(one->getType()),
                                    builder.getInt16(0xffff),
                                    builder.getInt32(4)}); // rounds as everything else does
  });
}

llvm::Value* extremeWithNext(llvm::IRBuilderBase& builder, llvm::Value* sofar, llvm::Value* next,
                             bool largest) {
  if (!host().numberRanges || !isWhole(sofar)) return nullptr;
  return inPieces(builder, sofar, next, [&](llvm::Value* old, llvm::Value* fresh) -> llvm::Value* {
    llvm::Value* number = builder.CreateBitCast(builder.CreateFCmpORD(fresh, fresh), builder.getInt16Ty());
    llvm::Value* which = builder.getInt32(largest ? 0b0101 : 0b0100); // bits 2 and 3: with the sign it has
    return builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_mask_range_ps_512, {},
                                   {old, fresh, which, old, number, builder.getInt32(4)});
  });
}

} // namespace tuned::cpu
