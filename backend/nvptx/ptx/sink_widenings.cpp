// A value that is loaded before a loop as 16 bits and widened there takes a register through the whole loop,
// where two of them fit one as they were loaded. Widening is one instruction: it goes back into the loop, to
// its users. The loop's first loads then need not wait for those before it either.
#include "backend/nvptx/ptx/codegen.h"

#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Instructions.h>

namespace tuned::nvptx {
namespace {

/// Fewer are not worth an instruction in every iteration.
constexpr size_t enoughRegisters = 8;

/// Widened from one element of a vector of 16-bit floats.
bool widensElement(const llvm::Instruction& instruction) {
  auto* widen = llvm::dyn_cast<llvm::FPExtInst>(&instruction);
  return widen && widen->getType()->isFloatTy() && widen->getSrcTy()->getScalarSizeInBits() == 16 &&
         llvm::isa<llvm::ExtractElementInst>(widen->getOperand(0));
}

/// Every user stands in a loop that the instruction is not in, and no phi is among them.
bool usedInLoops(const llvm::Instruction& instruction, const llvm::LoopInfo& loops) {
  return llvm::all_of(instruction.users(), [&](const llvm::User* user) {
    auto* at = llvm::cast<llvm::Instruction>(user);
    const llvm::Loop* loop = loops.getLoopFor(at->getParent());
    return !llvm::isa<llvm::PHINode>(at) && loop && !loop->contains(instruction.getParent());
  });
}

/// A copy of the element and its widening in front of the first user of each block.
void sink(llvm::Instruction& widen) {
  llvm::MapVector<llvm::BasicBlock*, llvm::SmallVector<llvm::Instruction*>> users;
  for (llvm::User* user : widen.users()) {
    auto* at = llvm::cast<llvm::Instruction>(user);
    users[at->getParent()].push_back(at);
  }
  auto* element = llvm::cast<llvm::Instruction>(widen.getOperand(0));
  for (auto& [block, inBlock] : users) {
    llvm::Instruction* first = *std::ranges::min_element(
        inBlock, [](const llvm::Instruction* a, const llvm::Instruction* b) { return a->comesBefore(b); });
    llvm::Instruction *narrow = element->clone(), *wide = widen.clone();
    narrow->insertBefore(first->getIterator());
    wide->insertBefore(first->getIterator());
    wide->setOperand(0, narrow);
    for (llvm::Instruction* at : inBlock)
      at->replaceUsesOfWith(&widen, wide);
  }
  widen.eraseFromParent();
  if (element->use_empty()) element->eraseFromParent();
}

} // namespace

void sinkWidenings(llvm::Function& function, const llvm::LoopInfo& loops) {
  std::vector<llvm::Instruction*> candidates;
  for (llvm::BasicBlock& block : function)
    for (llvm::Instruction& instruction : block)
      if (widensElement(instruction) && !instruction.use_empty() && usedInLoops(instruction, loops))
        candidates.push_back(&instruction);
  if (candidates.size() < 2 * enoughRegisters) return;
  for (llvm::Instruction* widen : candidates)
    sink(*widen);
}

} // namespace tuned::nvptx
