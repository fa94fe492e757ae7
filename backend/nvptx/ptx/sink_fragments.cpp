#include "backend/nvptx/ptx/codegen.h"

#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>

namespace tuned::nvptx {
namespace {

/// Assembly without side effects only computes.
bool writesMemory(const llvm::Instruction& instruction) {
  if (auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction))
    if (auto* text = llvm::dyn_cast<llvm::InlineAsm>(call->getCalledOperand())) return text->hasSideEffects();
  return instruction.mayWriteToMemory();
}

bool readsShared(const llvm::Instruction& instruction) {
  if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction))
    return load->isSimple() && load->getPointerAddressSpace() == 3;
  auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  return call && call->onlyReadsMemory() && !call->doesNotAccessMemory() && call->arg_size() == 1 &&
         call->getArgOperand(0)->getType()->isPointerTy() &&
         call->getArgOperand(0)->getType()->getPointerAddressSpace() == 3;
}

/// Takes values apart and puts them together: no work of its own.
bool rearranges(const llvm::Instruction& instruction) {
  return llvm::isa<llvm::ExtractValueInst, llvm::ExtractElementInst, llvm::InsertElementInst,
                   llvm::ShuffleVectorInst, llvm::BitCastInst>(instruction);
}

/// The first of the instruction's users, when all are in its block and none is a phi.
llvm::Instruction* firstUser(llvm::Instruction& instruction) {
  llvm::Instruction* first = nullptr;
  for (llvm::User* user : instruction.users()) {
    auto* at = llvm::cast<llvm::Instruction>(user);
    if (at->getParent() != instruction.getParent() || llvm::isa<llvm::PHINode>(at)) return nullptr;
    if (!first || at->comesBefore(first)) first = at;
  }
  return first;
}

} // namespace

void sinkFragments(llvm::Function& function) {
  for (llvm::BasicBlock& block : function) {
    // Backwards, so that users are in place before what they use. A read stays above the next write.
    llvm::Instruction* nextWrite = nullptr;
    for (llvm::Instruction* at = block.getTerminator(); at;) {
      llvm::Instruction* previous = at->getPrevNode();
      if (writesMemory(*at)) nextWrite = at;
      bool read = readsShared(*at);
      if (read || rearranges(*at))
        if (llvm::Instruction* user = firstUser(*at)) {
          bool beyond = read && nextWrite && nextWrite->comesBefore(user);
          at->moveBefore((beyond ? nextWrite : user)->getIterator());
        }
      at = previous;
    }
  }
}

} // namespace tuned::nvptx
