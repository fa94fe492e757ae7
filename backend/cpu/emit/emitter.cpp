#include "backend/cpu/emit/emitter.h"

#include "backend/cpu/run/host.h"

#include <llvm/ADT/TypeSwitch.h>
#include <llvm/IR/Constants.h>
#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Dialect/UB/IR/UBOps.h>
#include <mlir/IR/Matchers.h>

namespace tuned::cpu {

Emitter::Emitter(llvm::Module& module, const Plan& plan, const Plan::Callees& callees,
                 const tt::AxisInfoAnalysis& facts, bool fuseMultiplyAdd)
    : module_(module), context_(module.getContext()), builder_(context_), plan_(plan), callees_(callees),
      facts_(facts), scopes_(builder_), indexing_(builder_, scopes_),
      formats_(builder_, host().halfConversions) {
  llvm::FastMathFlags flags;
  flags.setAllowContract(fuseMultiplyAdd);
  builder_.setFastMathFlags(flags);
}

void Emitter::unsupported(mlir::Operation& op, const std::string& what) {
  if (error_) return;
  Error error{ErrorKind::Unsupported, op.getName().getStringRef().str() + ": " + what};
  op.getLoc()->walk([&](mlir::Location part) {
    auto file = mlir::dyn_cast<mlir::FileLineColLoc>(part);
    if (!file) return mlir::WalkResult::advance();
    error.location = Location{file.getFilename().str(), file.getLine(), file.getColumn()};
    return mlir::WalkResult::interrupt();
  });
  error_ = std::move(error);
}

// Floats narrower than 32 bits are kept as their bits; arithmetic on them goes through f32 (FloatFormats).
llvm::Type* Emitter::typeOf(mlir::Type element) {
  if (element.isF32()) return builder_.getFloatTy();
  if (element.isF64()) return builder_.getDoubleTy();
  if (mlir::isa<tt::PointerType>(element)) return builder_.getPtrTy();
  if (auto descriptor = mlir::dyn_cast<tt::TensorDescType>(element)) return descriptorType(descriptor);
  if (element.isIndex()) return builder_.getInt64Ty();
  return builder_.getIntNTy(element.getIntOrFloatBitWidth());
}

llvm::Type* Emitter::memoryTypeOf(mlir::Type element) {
  return element.isInteger(1) ? builder_.getInt8Ty() : typeOf(element);
}

Result<void> Emitter::emit(tt::FuncOp entry, const std::string& symbol) {
  emitFunction(entry, symbol);
  if (error_) return tuned::fail(*error_);
  return {};
}

void Emitter::emitFunction(tt::FuncOp entry, const std::string& symbol) {
  llvm::Type *pointer = builder_.getPtrTy(), *i64 = builder_.getInt64Ty();
  auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {pointer, i64, i64, pointer, pointer}, false);
  function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module_);
  function_->setDoesNotThrow();
  llvm::Value* first = function_->getArg(1);
  llvm::Value* last = function_->getArg(2);
  grid_ = function_->getArg(3);
  scratch_ = function_->getArg(4);
  function_->addParamAttr(4, llvm::Attribute::NoAlias);
  function_->addParamAttr(4, llvm::Attribute::getWithAlignment(context_, llvm::Align(64)));
  auto* zeroType = llvm::ArrayType::get(builder_.getInt8Ty(), 64);
  zeros_ = new llvm::GlobalVariable(module_, zeroType, true, llvm::GlobalValue::PrivateLinkage,
                                    llvm::Constant::getNullValue(zeroType));

  auto* start = llvm::BasicBlock::Create(context_, "entry", function_);
  auto* body = llvm::BasicBlock::Create(context_, "program", function_);
  auto* next = llvm::BasicBlock::Create(context_, "next", function_);
  auto* done = llvm::BasicBlock::Create(context_, "done", function_);
  builder_.SetInsertPoint(start);
  trash_ = builder_.CreateAlloca(builder_.getInt64Ty());
  programs_ = builder_.getInt64(1);
  for (unsigned axis = 0; axis < 3; ++axis) {
    llvm::Value* address = builder_.CreateConstInBoundsGEP1_64(builder_.getInt32Ty(), grid_, axis);
    llvm::Value* size = builder_.CreateZExt(builder_.CreateLoad(builder_.getInt32Ty(), address), i64);
    programs_ = builder_.CreateMul(programs_, size);
  }
  bindArguments(entry, function_->getArg(0));
  builder_.CreateCondBr(builder_.CreateICmpSLT(first, last), body, done);

  builder_.SetInsertPoint(body);
  auto* program = builder_.CreatePHI(i64, 2, "program");
  program_ = program;
  emitRegion(entry.getBody(), [&](mlir::Operation&) { builder_.CreateBr(next); });

  builder_.SetInsertPoint(next);
  llvm::Value* following = builder_.CreateAdd(program, builder_.getInt64(1), "", true, true);
  builder_.CreateCondBr(builder_.CreateICmpSLT(following, last), body, done);
  program->addIncoming(first, start);
  program->addIncoming(following, next);
  builder_.SetInsertPoint(done);
  if (streamed_)
    builder_.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent); // such stores order with nothing
  builder_.CreateRetVoid();
}

// A descriptor's shape and strides are the arguments after it; its padding is after all arguments.
void Emitter::bindArguments(tt::FuncOp entry, llvm::Value* arguments) {
  auto slot = [&](unsigned number, llvm::Type* type) {
    return builder_.CreateLoad(type,
                               builder_.CreateConstInBoundsGEP1_64(builder_.getInt64Ty(), arguments, number));
  };
  unsigned descriptors = 0, count = entry.getNumArguments();
  for (unsigned number = 0; number < count; ++number) {
    mlir::Value argument = entry.getArgument(number);
    mlir::Type type = argument.getType();
    if (mlir::isa<tt::TensorDescType>(type)) continue;
    llvm::Value* value = slot(number, memoryTypeOf(type));
    if (type.isInteger(1)) value = builder_.CreateTrunc(value, builder_.getInt1Ty());
    scalars_[argument] = value;
  }
  for (unsigned number = 0; number < count; ++number) {
    auto type = mlir::dyn_cast<tt::TensorDescType>(entry.getArgument(number).getType());
    if (!type) continue;
    unsigned rank = unsigned(type.getBlockType().getRank());
    if (number + 2 * rank >= count)
      return unsupported(*entry.getOperation(), "a descriptor argument needs its shape and strides after it");
    Values shape, strides;
    for (unsigned axis = 0; axis < rank; ++axis) {
      shape.push_back(scalar(entry.getArgument(number + 1 + axis)));
      strides.push_back(scalar(entry.getArgument(number + 1 + rank + axis)));
    }
    llvm::Value* nan =
        builder_.CreateICmpNE(slot(count + descriptors++, builder_.getInt64Ty()), builder_.getInt64(0));
    scalars_[entry.getArgument(number)] =
        makeDescriptor(type, slot(number, builder_.getPtrTy()), shape, strides, nan);
  }
}

llvm::Value* Emitter::scalar(mlir::Value value) {
  auto found = scalars_.find(value);
  if (found != scalars_.end()) return found->second;
  mlir::Attribute attribute;
  if (mlir::matchPattern(value, mlir::m_Constant(&attribute))) return constant(value.getType(), attribute);
  if (mlir::Operation* op = value.getDefiningOp()) unsupported(*op, "its value is not a scalar here");
  return llvm::PoisonValue::get(typeOf(value.getType()));
}

llvm::Value* Emitter::programId(tt::ProgramDim axis) {
  auto size = [&](unsigned dimension) {
    llvm::Value* address = builder_.CreateConstInBoundsGEP1_64(builder_.getInt32Ty(), grid_, dimension);
    return builder_.CreateZExt(builder_.CreateLoad(builder_.getInt32Ty(), address), builder_.getInt64Ty());
  };
  llvm::Value* id = program_;
  if (axis != tt::ProgramDim::X) id = builder_.CreateUDiv(id, size(0));
  if (axis == tt::ProgramDim::Z) id = builder_.CreateUDiv(id, size(1));
  if (axis != tt::ProgramDim::Z) id = builder_.CreateURem(id, size(axis == tt::ProgramDim::X ? 0 : 1));
  return builder_.CreateTrunc(id, builder_.getInt32Ty());
}

void Emitter::emitOperation(mlir::Operation& op) {
  if (error_) return;
  llvm::TypeSwitch<mlir::Operation&>(op)
      .Case<mlir::scf::ForOp>([&](auto loop) { emitFor(loop); })
      .Case<mlir::scf::IfOp>([&](auto branch) { emitIf(branch); })
      .Case<mlir::scf::WhileOp>([&](auto loop) { emitWhile(loop); })
      .Case<mlir::cf::BranchOp, mlir::cf::CondBranchOp>([&](auto) { emitBranch(op); })
      .Case<tt::ReturnOp>([&](auto) { onReturn_(op); })
      .Case<tt::CallOp>([&](auto call) { emitCall(call); })
      .Default([&](mlir::Operation&) {
        switch (kindOf(op)) {
        case Kind::Control:
          return unsupported(op, "this control flow is not supported on the CPU");
        case Kind::Scalar:
          return emitScalarOperation(op);
        case Kind::Root:
          return emitRoot(op);
        default:
          for (mlir::Value result : op.getResults())
            if (plan_.home(result) != Plan::Home::Slot) {
              continue;
            } else if (mlir::Operation* filler = plan_.filledBy(result)) {
              pending_[filler].push_back(result);
              unfilled_.insert(result);
            } else {
              materialise(result);
            }
        }
      });
  if (auto filled = pending_.find(&op); filled != pending_.end())
    for (mlir::Value value : filled->second)
      unfilled_.erase(value);
}

void Emitter::emitRoot(mlir::Operation& op) {
  scopes_.push();
  llvm::TypeSwitch<mlir::Operation&>(op)
      .Case<tt::StoreOp>([&](auto root) { emitStore(root); })
      .Case<tt::ReduceOp>([&](auto root) { emitReduce(root); })
      .Case<tt::ScanOp>([&](auto root) { emitScan(root); })
      .Case<tt::MapElementwiseOp>([&](auto root) { emitMapElementwise(root); })
      .Case<tt::DotOp>([&](auto root) { emitDot(root); })
      .Case<tt::DotScaledOp>([&](auto root) { emitDotScaled(root); })
      .Case<tt::JoinOp>([&](auto root) { emitJoin(root); })
      .Case<tt::CatOp>([&](auto root) { emitCat(root); })
      .Case<tt::HistogramOp>([&](auto root) { emitHistogram(root); })
      .Case<tt::AtomicRMWOp, tt::AtomicCASOp>([&](auto) { emitAtomic(op); })
      .Case<tt::DescriptorStoreOp, tt::DescriptorScatterOp>([&](auto) { emitDescriptorStore(op); })
      .Case<tt::DescriptorReduceOp>([&](auto root) { emitDescriptorReduce(root); })
      .Case<tt::AssertOp>([&](auto root) { emitAssert(root); })
      .Case<tt::PrintOp>([&](auto root) { emitPrint(root); })
      .Case<tt::UnsplatOp>([&](tt::UnsplatOp root) {
        LaneIndex only;
        scalars_[root.getResult()] = evaluateVector(root.getSrc(), only);
      })
      .Case<tt::ElementwiseInlineAsmOp>([&](auto root) { emitInlineAssembly(root); })
      .Default([&](mlir::Operation&) { unsupported(op, "this operation is not supported on the CPU"); });
  scopes_.pop();
}

void Emitter::emitScalarOperation(mlir::Operation& op) {
  llvm::StringRef name = op.getName().getStringRef();
  if (name == "gpu.barrier" || name == "ttg.barrier" || name == "llvm.intr.assume")
    return; // one thread a program
  scopes_.push();
  LaneIndex only;
  llvm::TypeSwitch<mlir::Operation&>(op)
      .Case<tt::GetProgramIdOp>([&](auto id) { scalars_[id.getResult()] = programId(id.getAxis()); })
      .Case<tt::GetNumProgramsOp>([&](auto count) {
        llvm::Value* address =
            builder_.CreateConstInBoundsGEP1_64(builder_.getInt32Ty(), grid_, unsigned(count.getAxis()));
        scalars_[count.getResult()] = builder_.CreateLoad(builder_.getInt32Ty(), address);
      })
      .Case<tt::LoadOp>([&](auto load) { scalars_[load.getResult()] = evaluateLoad(load, only).value; })
      .Case<tt::StoreOp>([&](auto store) { emitStore(store); })
      .Case<tt::AtomicRMWOp, tt::AtomicCASOp>([&](auto) { emitAtomic(op); })
      .Case<tt::AssertOp>([&](auto check) { emitAssert(check); })
      .Case<tt::PrintOp>([&](auto print) { emitPrint(print); })
      .Case<tt::ElementwiseInlineAsmOp>([&](auto assembly) { emitInlineAssembly(assembly); })
      .Case<tt::MakeTensorDescOp>([&](tt::MakeTensorDescOp make) {
        Values shape, strides;
        for (mlir::Value size : make.getShape())
          shape.push_back(scalar(size));
        for (mlir::Value stride : make.getStrides())
          strides.push_back(scalar(stride));
        bool nan = make.getPadding() == tt::PaddingOption::PAD_NAN;
        scalars_[make.getResult()] = makeDescriptor(make.getResult().getType(), scalar(make.getBase()), shape,
                                                    strides, builder_.getInt1(nan));
      })
      .Default([&](mlir::Operation&) {
        if (mlir::isa<mlir::arith::ConstantOp, mlir::ub::PoisonOp>(op))
          return; // scalar() makes them where they are used
        Values operands;
        for (mlir::Value operand : op.getOperands())
          operands.push_back(scalar(operand));
        Values results = apply(op, operands);
        for (auto [result, value] : llvm::zip(op.getResults(), results))
          scalars_[result] = value;
      });
  scopes_.pop();
}

} // namespace tuned::cpu
