#include "backend/nvptx/lowering/memory/descriptors.h"

namespace tuned::nvptx {

llvm::StructType* descriptorType(llvm::LLVMContext& context, tt::TensorDescType type) {
  auto rank = static_cast<size_t>(type.getBlockType().getRank());
  llvm::SmallVector<llvm::Type*> fields = {llvm::PointerType::get(context, 1)};
  fields.append(rank, llvm::Type::getInt32Ty(context));
  fields.append(rank, llvm::Type::getInt64Ty(context));
  fields.push_back(llvm::Type::getInt1Ty(context));
  return llvm::StructType::get(context, fields);
}

llvm::Value* descriptorSize(Emitter& e, llvm::Value* given) {
  return e.builder.CreateBinaryIntrinsic(llvm::Intrinsic::smax, given,
                                         llvm::ConstantInt::get(given->getType(), 0));
}

llvm::Value* descriptorArgument(Emitter& e, llvm::Function& kernel, unsigned index, tt::TensorDescType type) {
  auto& b = e.builder;
  auto rank = static_cast<unsigned>(type.getBlockType().getRank());
  llvm::Value* bits = b.CreatePtrToInt(kernel.getArg(index), b.getInt64Ty());
  llvm::Value* base =
      b.CreateIntToPtr(b.CreateAnd(bits, b.getInt64(~0ull >> 1)), kernel.getArg(index)->getType());
  llvm::Value* result = llvm::PoisonValue::get(descriptorType(b.getContext(), type));
  result = b.CreateInsertValue(result, base, 0);
  for (unsigned i = 0; i < 2 * rank; ++i) {
    llvm::Value* measure = kernel.getArg(index + 1 + i);
    result = b.CreateInsertValue(result, i < rank ? descriptorSize(e, measure) : measure, 1 + i);
  }
  return b.CreateInsertValue(result, b.CreateICmpSLT(bits, b.getInt64(0)), 1 + 2 * rank);
}

} // namespace tuned::nvptx
