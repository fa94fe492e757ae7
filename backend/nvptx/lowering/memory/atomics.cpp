// tt.atomic_rmw and tt.atomic_cas: one thread acts for each element, and those that hold replicas are told
// the result.
#include "backend/nvptx/lowering/emitter.h"

#include <llvm/IR/Instructions.h>

namespace tuned::nvptx {
namespace {

const char* scopeName(tt::MemSyncScope scope) {
  switch (scope) {
  case tt::MemSyncScope::CTA:
    return "cta";
  case tt::MemSyncScope::SYSTEM:
    return "sys";
  case tt::MemSyncScope::GPU:
    break;
  }
  return "gpu";
}

const char* orderName(tt::MemSemantic order) {
  switch (order) {
  case tt::MemSemantic::RELAXED:
    return "relaxed";
  case tt::MemSemantic::ACQUIRE:
    return "acquire";
  case tt::MemSemantic::RELEASE:
    return "release";
  case tt::MemSemantic::ACQUIRE_RELEASE:
    break;
  }
  return "acq_rel";
}

bool releases(tt::MemSemantic order) {
  return order == tt::MemSemantic::RELEASE || order == tt::MemSemantic::ACQUIRE_RELEASE;
}
bool acquires(tt::MemSemantic order) {
  return order == tt::MemSemantic::ACQUIRE || order == tt::MemSemantic::ACQUIRE_RELEASE;
}

/// The instruction's operation and type (".add.u32"); empty when there is none.
std::string rmwName(tt::RMWOp operation, unsigned bits, llvm::Type* type, const Target& target) {
  std::string width = std::to_string(bits);
  bool word = bits == 32 || bits == 64;
  switch (operation) {
  case tt::RMWOp::AND:
    return word ? ".and.b" + width : "";
  case tt::RMWOp::OR:
    return word ? ".or.b" + width : "";
  case tt::RMWOp::XOR:
    return word ? ".xor.b" + width : "";
  case tt::RMWOp::ADD:
    return word ? ".add.u" + width : "";
  case tt::RMWOp::MAX:
    return word ? ".max.s" + width : "";
  case tt::RMWOp::MIN:
    return word ? ".min.s" + width : "";
  case tt::RMWOp::UMAX:
    return word ? ".max.u" + width : "";
  case tt::RMWOp::UMIN:
    return word ? ".min.u" + width : "";
  case tt::RMWOp::XCHG:
    return word ? ".exch.b" + width : "";
  case tt::RMWOp::FADD:
    if (type->isHalfTy()) return ".add.noftz.f16";
    if (type->isBFloatTy()) return target.hasBf16Arithmetic() ? ".add.noftz.bf16" : "";
    return word ? ".add.f" + width : "";
  }
  return "";
}

llvm::AtomicRMWInst::BinOp llvmOperation(tt::RMWOp operation) {
  using Inst = llvm::AtomicRMWInst;
  switch (operation) {
  case tt::RMWOp::AND:
    return Inst::And;
  case tt::RMWOp::OR:
    return Inst::Or;
  case tt::RMWOp::XOR:
    return Inst::Xor;
  case tt::RMWOp::ADD:
    return Inst::Add;
  case tt::RMWOp::FADD:
    return Inst::FAdd;
  case tt::RMWOp::MAX:
    return Inst::Max;
  case tt::RMWOp::MIN:
    return Inst::Min;
  case tt::RMWOp::UMAX:
    return Inst::UMax;
  case tt::RMWOp::UMIN:
    return Inst::UMin;
  case tt::RMWOp::XCHG:
    return Inst::Xchg;
  }
  return Inst::BAD_BINOP;
}

unsigned bitsOf(llvm::Value* value) {
  return value->getType()->getScalarSizeInBits();
}

char constraintOf(llvm::Value* value) {
  unsigned bits = bitsOf(value);
  return bits == 64 ? 'l' : bits == 32 ? 'r' : 'h';
}

class Atomics {
public:
  Atomics(Emitter& e, mlir::Operation& op, tt::MemSemantic order, tt::MemSyncScope scope)
      : e(e), b(e.builder), op(op), order(order), scope(scope), layout(e.layout(op.getOperand(0).getType())),
        owner(e.owner(layout)), replicas(freeVariables(layout).registers) {}

  /// `each(r)` emits the access of register r and gives the value before, as it lies in memory.
  template <typename Access> void emit(Access each) {
    // One thread acts for the whole CTA: what the others wrote is to be seen before, and what it saw by them
    // after.
    bool forAll = owner && layout.shape.empty();
    if (forAll && releases(order)) e.barrier();
    Registers results(layout.registerCount());
    for (uint32_t r = 0; r < results.size(); ++r)
      results[r] = (r & replicas) ? results[withoutReplicas(r)] : each(r);
    bool used = !op.getResult(0).use_empty();
    if (owner && used)
      shareResults(results);
    else if (forAll && acquires(order))
      e.barrier();
    e.set(op.getResult(0), std::move(results));
  }

  /// Predicated inline assembly; `tail` is what follows the result: ".add.u32 $0, [$2], $3".
  llvm::Value* access(llvm::Value* active, const std::string& tail, llvm::Value* pointer,
                      llvm::ArrayRef<llvm::Value*> values) {
    llvm::Type* type = values.front()->getType();
    llvm::Type* bits = b.getIntNTy(bitsOf(values.front()));
    std::string text = std::string("atom.global.") + orderName(order) + "." + scopeName(scope) + tail + ";";
    char letter = constraintOf(values.front());
    std::string constraints = std::string("=") + letter;
    llvm::SmallVector<llvm::Value*> arguments;
    if (active) {
      text = "{ .reg .pred %active; setp.ne.u32 %active, $1, 0; @%active " + text + " }";
      arguments.push_back(b.CreateZExt(active, b.getInt32Ty()));
    } else {
      text = "{ " + text + " }";
      arguments.push_back(b.getInt32(1));
    }
    arguments.push_back(b.CreatePtrToInt(pointer, b.getInt64Ty()));
    constraints += ",r,l";
    for (llvm::Value* value : values) {
      constraints += std::string(",") + letter;
      arguments.push_back(b.CreateBitCast(value, bits));
    }
    return b.CreateBitCast(e.assembly(bits, text, constraints + ",~{memory}", arguments, true), type);
  }

  llvm::Value* active(llvm::Value* mask) { return e.both(owner, mask); }

private:
  uint32_t withoutReplicas(uint32_t r) const { return r & ~replicas; }

  /// The owners leave each element's result in shared memory, and all read it.
  void shareResults(Registers& results) {
    llvm::Value* base = e.scratch(op);
    llvm::Value* first = e.elementIndex(layout);
    llvm::Type* type = results.front()->getType();
    auto place = [&](uint32_t r) { return b.CreateGEP(type, base, b.CreateXor(first, layout.at(r, 0, 0))); };
    e.when(owner, [&] {
      for (uint32_t r = 0; r < results.size(); ++r)
        if (!(r & replicas)) b.CreateStore(results[r], place(r));
    });
    e.barrier();
    for (uint32_t r = 0; r < results.size(); ++r)
      results[r] = (r & replicas) ? results[withoutReplicas(r)] : b.CreateLoad(type, place(r));
  }

  Emitter& e;
  llvm::IRBuilder<>& b;
  mlir::Operation& op;
  tt::MemSemantic order;
  tt::MemSyncScope scope;
  LinearLayout layout;
  llvm::Value* owner;
  uint32_t replicas;
};

/// What has no instruction becomes a loop of compare-and-swap, which LLVM makes of its own instruction.
llvm::Value* emitByLlvm(Emitter& e, tt::AtomicRMWOp op, llvm::Value* active, llvm::Value* pointer,
                        llvm::Value* value) {
  auto& b = e.builder;
  llvm::BasicBlock* before = b.GetInsertBlock();
  llvm::Value* result = nullptr;
  llvm::BasicBlock* inside = before;
  e.when(active, [&] {
    auto scope = op.getScope() == tt::MemSyncScope::SYSTEM ? ""
                 : op.getScope() == tt::MemSyncScope::CTA  ? "block"
                                                           : "device";
    result =
        b.CreateAtomicRMW(llvmOperation(op.getAtomicRmwOp()), pointer, value, llvm::MaybeAlign(),
                          llvm::AtomicOrdering::AcquireRelease, b.getContext().getOrInsertSyncScopeID(scope));
    inside = b.GetInsertBlock();
  });
  if (!active) return result;
  llvm::PHINode* phi = b.CreatePHI(result->getType(), 2);
  phi->addIncoming(llvm::Constant::getNullValue(result->getType()), before);
  phi->addIncoming(result, inside);
  return phi;
}

Result<void> emitRmw(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::AtomicRMWOp>(operation);
  llvm::Type* type = e.type(op.getVal().getType());
  unsigned bits = type->getScalarSizeInBits();
  if (!type->isPointerTy() && bits < 16)
    return unsupported(operation, "atomics act on 16, 32 or 64 bits, and these are " + std::to_string(bits));
  std::string name = rmwName(op.getAtomicRmwOp(), bits, type, e.target);
  Atomics atomics(e, operation, op.getSem(), op.getScope());
  atomics.emit([&](uint32_t r) {
    llvm::Value* active = atomics.active(op.getMask() ? e.at(op.getMask(), r) : nullptr);
    llvm::Value *pointer = e.at(op.getPtr(), r), *value = e.at(op.getVal(), r);
    if (name.empty()) return emitByLlvm(e, op, active, pointer, value);
    return atomics.access(active, name + " $0, [$2], $3", pointer, {value});
  });
  return {};
}

Result<void> emitCas(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::AtomicCASOp>(operation);
  unsigned bits = e.type(op.getVal().getType())->getScalarSizeInBits();
  if (bits != 16 && bits != 32 && bits != 64)
    return unsupported(operation,
                       "compare-and-swap acts on 16, 32 or 64 bits, and these are " + std::to_string(bits));
  Atomics atomics(e, operation, op.getSem(), op.getScope());
  atomics.emit([&](uint32_t r) {
    return atomics.access(atomics.active(nullptr), ".cas.b" + std::to_string(bits) + " $0, [$2], $3, $4",
                          e.at(op.getPtr(), r), {e.at(op.getCmp(), r), e.at(op.getVal(), r)});
  });
  return {};
}

/// Some threads hold what others act for; whether there are any is in the layout.
bool actsForOthers(mlir::Operation& op) {
  auto layout = layoutOf(op.getResult(0).getType());
  if (!layout) return true;
  FreeVariables free = freeVariables(*layout);
  return free.lanes != 0 || free.warps != 0;
}

/// For results that others than the owner need.
uint32_t atomicScratchBytes(mlir::Operation& op) {
  if (op.getResult(0).use_empty() || !actsForOthers(op)) return 0;
  mlir::Type type = op.getResult(0).getType();
  auto layout = layoutOf(type);
  uint32_t elements = layout ? layout->elements() : 1;
  return elements * std::max(2u, tt::elementBits(type) / 8);
}

/// As Atomics::emit goes.
SharedPhases atomicPhases(mlir::Operation& op) {
  auto order = mlir::isa<tt::AtomicRMWOp>(op) ? mlir::cast<tt::AtomicRMWOp>(op).getSem()
                                              : mlir::cast<tt::AtomicCASOp>(op).getSem();
  bool forAll = tt::shapeOf(op.getResult(0).getType()).empty();
  SharedPhases phases = {{}};
  if (forAll && releases(order)) phases.push_back({});
  if (atomicScratchBytes(op) != 0) {
    phases.back().push_back({.writes = true});
    phases.push_back({{.reads = true}});
  } else if (forAll && acquires(order)) {
    phases.push_back({});
  }
  return phases;
}

} // namespace

void addAtomics(OpTable& table) {
  table["tt.atomic_rmw"] = {emitRmw, atomicScratchBytes, atomicPhases};
  table["tt.atomic_cas"] = {emitCas, atomicScratchBytes, atomicPhases};
}

} // namespace tuned::nvptx
