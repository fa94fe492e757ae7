// Assertions and printing, through the runtime.
#include "backend/cpu/emit/emitter.h"

namespace tuned::cpu {

llvm::FunctionCallee Emitter::runtime(llvm::StringRef name, llvm::Type* result,
                                      llvm::ArrayRef<llvm::Type*> parameters) {
  llvm::FunctionCallee callee =
      module_.getOrInsertFunction(name, llvm::FunctionType::get(result, parameters, false));
  if (auto* function = llvm::dyn_cast<llvm::Function>(callee.getCallee())) function->setDoesNotThrow();
  return callee;
}

llvm::Value* Emitter::globalText(llvm::StringRef text) {
  return builder_.CreateGlobalString(text);
}

void Emitter::emitAssert(tt::AssertOp op) {
  std::string where;
  op.getLoc()->walk([&](mlir::Location part) {
    auto file = mlir::dyn_cast<mlir::FileLineColLoc>(part);
    if (!file) return mlir::WalkResult::advance();
    where = file.getFilename().str() + ":" + std::to_string(file.getLine()) + ": ";
    return mlir::WalkResult::interrupt();
  });
  llvm::Value* text = globalText(where + "assertion failed: " + op.getMessage().str());
  auto callee = runtime("tuned_assert_failed", builder_.getVoidTy(), {builder_.getPtrTy()});
  auto check = [&](llvm::Value* holds) {
    when(builder_.CreateNot(holds),
         [&] {
           builder_.CreateCall(callee, {text});
           return Values{};
         },
         {});
  };
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(op.getCondition().getType());
  if (!type) return check(scalar(op.getCondition()));
  unsigned width = widthFor(type.getNumElements());
  forEachChunk(type.getNumElements(), type.getNumElements(), width, [&](const LaneIndex& index) {
    llvm::Value* lanes = evaluateVector(op.getCondition(), index);
    check(width == 1 ? lanes : builder_.CreateAndReduce(lanes));
  });
}

void Emitter::emitPrint(tt::PrintOp op) {
  llvm::Type *i32 = builder_.getInt32Ty(), *i64 = builder_.getInt64Ty(), *pointer = builder_.getPtrTy();
  auto callee = runtime("tuned_print_lane", builder_.getVoidTy(), {pointer, pointer, i64, i32, i64});
  llvm::Value* programs;
  {
    llvm::IRBuilderBase::InsertPointGuard guard(builder_);
    builder_.SetInsertPoint(&function_->getEntryBlock(), function_->getEntryBlock().begin());
    programs = builder_.CreateAlloca(llvm::ArrayType::get(i32, 3));
  }
  for (unsigned axis = 0; axis < 3; ++axis)
    builder_.CreateStore(programId(tt::ProgramDim(axis)),
                         builder_.CreateConstInBoundsGEP1_64(i32, programs, axis));
  llvm::Value* prefix = globalText(op.getPrefix());
  auto line = [&](mlir::Type element, bool isSigned, llvm::Value* value, llvm::Value* lane) {
    char kind = op.getHex() ? 'x' : isSigned ? 'i' : 'u';
    if (mlir::isa<mlir::FloatType>(element)) {
      kind = 'f';
      value = builder_.CreateBitCast(
          formats_.convert(value, element, mlir::Float64Type::get(element.getContext())), i64);
    } else if (value->getType()->isPointerTy()) {
      kind = 'x';
      value = builder_.CreatePtrToInt(value, i64);
    } else {
      value = builder_.CreateIntCast(value, i64, isSigned && !op.getHex());
    }
    builder_.CreateCall(callee, {prefix, programs, lane, builder_.getInt32(uint32_t(kind)), value});
  };
  if (op.getArgs().empty())
    return line(mlir::IntegerType::get(op.getContext(), 32), true, builder_.getInt32(0),
                builder_.getInt64(0));
  for (auto [number, argument] : llvm::enumerate(op.getArgs())) {
    bool isSigned = number < op.getIsSigned().size() && op.getIsSigned()[number];
    mlir::Type element = tt::elementType(argument.getType());
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(argument.getType());
    if (!type) {
      line(element, isSigned, scalar(argument), builder_.getInt64(0));
      continue;
    }
    mlir::Value tile = argument;
    forEachChunk(type.getNumElements(), type.getNumElements(), 1, [&](const LaneIndex& index) {
      line(element, isSigned, evaluateVector(tile, index), indexing_.base(index));
    });
  }
}

} // namespace tuned::cpu
