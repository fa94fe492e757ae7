#include "backend/nvptx/lowering/emitter.h"

#include "backend/nvptx/lowering/memory/descriptors.h"

#include <algorithm>
#include <functional>
#include <llvm/IR/IntrinsicsNVPTX.h>

namespace tuned::nvptx {

std::string symbolOf(tt::FuncOp kernel) {
  llvm::StringRef name = kernel.getSymName();
  auto follows = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '$'; };
  bool identifier = llvm::all_of(name, follows) && (name.size() > 1 || llvm::isAlpha(name.front()));
  bool taken = name.starts_with("__") || name == "vprintf" || name == "WARP_SZ";
  if (identifier && !taken) return name.str();
  std::string symbol = "kernel_" + name.str();
  std::ranges::replace_if(symbol, std::not_fn(follows), '_');
  return symbol;
}

Emitter::Emitter(llvm::Module& into, const Target& machine, unsigned numWarps, tt::FuncOp function)
    : builder(into.getContext()), module(into), target(machine), warpCount(numWarps), source(function) {}

void Emitter::beginKernel() {
  llvm::SmallVector<llvm::Type*> parameters;
  for (mlir::Type argument : source.getArgumentTypes())
    parameters.push_back(mlir::isa<tt::TensorDescType>(argument) ? builder.getPtrTy(1)
                                                                 : memoryType(argument));
  auto* signature = llvm::FunctionType::get(builder.getVoidTy(), parameters, false);
  kernel = llvm::Function::Create(signature, llvm::Function::ExternalLinkage, symbolOf(source), module);
  kernel->setCallingConv(llvm::CallingConv::PTX_Kernel);
  kernel->addFnAttr("nvvm.reqntid", std::to_string(numThreads()));
  kernel->addFnAttr(llvm::Attribute::NoUnwind);
  builder.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "entry", kernel));
  llvm::CallInst* number =
      builder.CreateIntrinsic(builder.getInt32Ty(), llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x, {});
  number->addRangeRetAttr(llvm::ConstantRange(llvm::APInt(32, 0), llvm::APInt(32, numThreads())));
  number->setName("thread");
  threadId = number;
  laneId = builder.CreateAnd(threadId, 31, "lane");
  warpId = warpCount == 1 ? static_cast<llvm::Value*>(builder.getInt32(0))
                          : builder.CreateLShr(threadId, 5, "warp");
}

Result<void> Emitter::emitFunction() {
  beginKernel();
  std::vector<Registers> arguments;
  for (unsigned i = 0; i < kernel->arg_size(); ++i) {
    if (mlir::isa<tt::PointerType>(source.getArgumentTypes()[i])) {
      auto fact = source.getArgAttrOfType<mlir::IntegerAttr>(i, "tt.divisibility");
      if (fact && fact.getInt() > 1 && llvm::isPowerOf2_64(fact.getInt()))
        kernel->addParamAttr(
            i, llvm::Attribute::getWithAlignment(module.getContext(), llvm::Align(fact.getInt())));
    }
    if (auto descriptor = mlir::dyn_cast<tt::TensorDescType>(source.getArgumentTypes()[i]))
      arguments.push_back({descriptorArgument(*this, *kernel, i, descriptor)});
    else
      arguments.push_back({fromMemory(kernel->getArg(i), source.getArgumentTypes()[i])});
  }
  auto done = emitRegion(source.getBody(), arguments);
  if (!done) return fail(done.error());
  builder.CreateRetVoid();
  return {};
}

const Registers& Emitter::of(mlir::Value value) const {
  auto found = values.find(value);
  assert(found != values.end() && "a value is used before it is emitted");
  return found->second;
}

LinearLayout Emitter::layout(mlir::Type type) const {
  if (auto layout = layoutOf(type)) return *layout;
  return LinearLayout{{}, {}, Bases(laneBits, 0), Bases(log2Exact(warpCount), 0)};
}

llvm::Type* Emitter::type(mlir::Type type) const {
  mlir::Type element = tt::elementType(type);
  auto& context = module.getContext();
  if (mlir::isa<tt::PointerType>(element)) return llvm::PointerType::get(context, 1);
  if (auto descriptor = mlir::dyn_cast<tt::TensorDescType>(element))
    return descriptorType(context, descriptor);
  if (element.isIndex()) return llvm::Type::getInt64Ty(context);
  if (auto integer = mlir::dyn_cast<mlir::IntegerType>(element))
    return llvm::Type::getIntNTy(context, integer.getWidth());
  if (element.isF16()) return llvm::Type::getHalfTy(context);
  if (element.isBF16()) return llvm::Type::getBFloatTy(context);
  if (element.isF32()) return llvm::Type::getFloatTy(context);
  if (element.isF64()) return llvm::Type::getDoubleTy(context);
  return llvm::Type::getIntNTy(context, element.getIntOrFloatBitWidth()); // fp8
}

llvm::Type* Emitter::memoryType(mlir::Type elementType) const {
  llvm::Type* result = type(elementType);
  return result->isIntegerTy(1) ? llvm::Type::getInt8Ty(module.getContext()) : result;
}

unsigned Emitter::bytes(mlir::Type elementType) const {
  llvm::Type* result = memoryType(elementType);
  return result->isPointerTy() ? 8 : result->getScalarSizeInBits() / 8;
}

llvm::Value* Emitter::toMemory(llvm::Value* value) {
  return value->getType()->isIntegerTy(1) ? builder.CreateZExt(value, builder.getInt8Ty()) : value;
}

llvm::Value* Emitter::fromMemory(llvm::Value* value, mlir::Type elementType) {
  return type(elementType)->isIntegerTy(1) && !value->getType()->isIntegerTy(1)
             ? builder.CreateICmpNE(value, builder.getInt8(0))
             : value;
}

size_t Emitter::registerCount(mlir::Operation& op) const {
  size_t count = 1;
  for (mlir::Value operand : op.getOperands())
    count = std::max(count, of(operand).size());
  return count;
}

/// 8-bit floats are bytes here: they are moved, chosen and converted, and there is no arithmetic on them.
static bool computesWithFp8(mlir::Operation& op) {
  using namespace mlir::arith;
  llvm::StringRef dialect = op.getName().getDialectNamespace();
  if (dialect != "arith" && dialect != "math" &&
      !mlir::isa<tt::ClampFOp, tt::PreciseDivFOp, tt::PreciseSqrtOp, tt::ExternElementwiseOp>(op))
    return false;
  if (mlir::isa<ConstantOp, SelectOp, BitcastOp, ExtFOp, TruncFOp>(op) ||
      op.getName().getStringRef() == "math.absf")
    return false;
  auto isFp8 = [](mlir::Type type) {
    mlir::Type element = tt::elementType(type);
    return mlir::isa<mlir::FloatType>(element) && element.getIntOrFloatBitWidth() == 8;
  };
  return llvm::any_of(op.getOperandTypes(), isFp8) || llvm::any_of(op.getResultTypes(), isFp8);
}

Result<void> Emitter::emit(mlir::Operation& op) {
  if (computesWithFp8(op))
    return unsupported(op, "there is no arithmetic on 8-bit floats; convert them with tt.fp_to_fp first");
  auto row = opTable().find(op.getName().getStringRef());
  if (row == opTable().end()) return unsupported(op, "this operation is not supported");
  return row->second.emit(*this, op);
}

} // namespace tuned::nvptx
