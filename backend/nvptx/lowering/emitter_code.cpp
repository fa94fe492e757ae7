// Code: blocks, regions, phis, inline assembly.
#include "backend/nvptx/lowering/emitter.h"

#include <llvm/IR/InlineAsm.h>

namespace tuned::nvptx {
namespace {

/// Blocks of a region that are reached from its entry, each after all that dominate it.
std::vector<mlir::Block*> reversePostOrder(mlir::Region& region) {
  std::vector<mlir::Block*> order;
  llvm::SmallPtrSet<mlir::Block*, 8> seen;
  std::vector<std::pair<mlir::Block*, unsigned>> stack = {{&region.front(), 0}};
  seen.insert(&region.front());
  while (!stack.empty()) {
    auto& [block, next] = stack.back();
    if (next < block->getNumSuccessors()) {
      mlir::Block* successor = block->getSuccessor(next++);
      if (seen.insert(successor).second) stack.push_back({successor, 0});
    } else {
      order.push_back(block);
      stack.pop_back();
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

} // namespace

llvm::BasicBlock* Emitter::newBlock(const llvm::Twine& name) {
  return llvm::BasicBlock::Create(module.getContext(), name, kernel);
}

llvm::BasicBlock* Emitter::beginWhen(llvm::Value* condition) {
  llvm::BasicBlock *then = newBlock("then"), *after = newBlock("after");
  builder.CreateCondBr(condition, then, after);
  builder.SetInsertPoint(then);
  return after;
}

void Emitter::endWhen(llvm::BasicBlock* after) {
  builder.CreateBr(after);
  builder.SetInsertPoint(after);
}

/// Registers of this type that one phi of a value with `count` of them holds.
static unsigned registersPerPhi(llvm::Type* type, size_t count) {
  unsigned bits = type->isPointerTy() ? 64 : type->getScalarSizeInBits();
  bool packs = (bits == 8 || bits == 16) && count % (32 / bits) == 0;
  return packs ? 32 / bits : 1;
}

Meeting Emitter::meet(mlir::Type valueType, llvm::BasicBlock* block) {
  llvm::IRBuilder<>::InsertPointGuard guard(builder);
  size_t count = layout(valueType).registerCount();
  llvm::Type* one = type(valueType);
  unsigned each = registersPerPhi(one, count);
  Meeting meeting;
  builder.SetInsertPoint(block, block->getFirstNonPHIIt());
  for (size_t r = 0; r < count; r += each)
    meeting.phis.push_back(builder.CreatePHI(each == 1 ? one : llvm::FixedVectorType::get(one, each), 2));
  builder.SetInsertPoint(block, block->getFirstNonPHIIt());
  for (llvm::PHINode* phi : meeting.phis)
    for (unsigned i = 0; i < each; ++i)
      meeting.registers.push_back(each == 1 ? phi : builder.CreateExtractElement(phi, i));
  return meeting;
}

void Emitter::addIncoming(const Meeting& meeting, const Registers& from, llvm::BasicBlock* block) {
  llvm::IRBuilder<>::InsertPointGuard guard(builder);
  if (llvm::Instruction* end = block->getTerminator())
    builder.SetInsertPoint(end);
  else
    builder.SetInsertPoint(block);
  size_t each = meeting.registers.size() / std::max<size_t>(1, meeting.phis.size());
  for (size_t p = 0; p < meeting.phis.size(); ++p) {
    auto reg = [&](size_t i) { return from[from.size() == 1 ? 0 : p * each + i]; };
    llvm::Value* word = each == 1 ? reg(0) : llvm::PoisonValue::get(meeting.phis[p]->getType());
    for (size_t i = 0; i < each && each > 1; ++i)
      word = builder.CreateInsertElement(word, reg(i), i);
    meeting.phis[p]->addIncoming(word, block);
  }
}

llvm::BasicBlock* Emitter::blockFor(mlir::Block* block) {
  llvm::BasicBlock*& known = blocks[block];
  if (known) return known;
  known = newBlock("block");
  for (mlir::BlockArgument argument : block->getArguments()) {
    meetings[argument] = meet(argument.getType(), known);
    set(argument, meetings[argument].registers);
  }
  return known;
}

void Emitter::branchTo(mlir::Block* block, mlir::ValueRange arguments) {
  llvm::BasicBlock* target = blockFor(block);
  for (auto [parameter, argument] : llvm::zip(block->getArguments(), arguments))
    addIncoming(meetings.at(parameter), of(argument), builder.GetInsertBlock());
  builder.CreateBr(target);
}

Result<std::vector<Registers>> Emitter::inlineBlock(mlir::Block& block,
                                                    const std::vector<Registers>& arguments) {
  for (auto [parameter, argument] : llvm::zip(block.getArguments(), arguments))
    set(parameter, argument);
  for (mlir::Operation& op : block.without_terminator())
    if (auto done = emit(op); !done) return fail(done.error());
  std::vector<Registers> results;
  for (mlir::Value result : block.getTerminator()->getOperands())
    results.push_back(of(result));
  return results;
}

Result<std::vector<Registers>> Emitter::emitRegion(mlir::Region& region,
                                                   const std::vector<Registers>& arguments) {
  if (region.hasOneBlock()) return inlineBlock(region.front(), arguments);
  llvm::BasicBlock* exit = newBlock("exit");
  std::vector<Meeting> results;
  bool entry = true, returned = false;
  for (mlir::Block* block : reversePostOrder(region)) {
    mlir::Operation* end = block->getTerminator();
    if (!entry) {
      builder.SetInsertPoint(blockFor(block));
      for (mlir::Operation& op : block->without_terminator())
        if (auto done = emit(op); !done) return fail(done.error());
    } else if (auto done = inlineBlock(*block, arguments); !done) {
      return done;
    }
    entry = false;
    if (end->getNumSuccessors() != 0) {
      if (auto done = emit(*end); !done) return fail(done.error());
      continue;
    }
    for (auto [i, value] : llvm::enumerate(end->getOperands())) {
      if (!returned) results.push_back(meet(value.getType(), exit));
      addIncoming(results[i], of(value), builder.GetInsertBlock());
    }
    returned = true;
    builder.CreateBr(exit);
  }
  for (mlir::Block& block : region)
    blocks.erase(&block); // the region may be emitted again
  builder.SetInsertPoint(exit);
  std::vector<Registers> registers;
  for (Meeting& result : results)
    registers.push_back(std::move(result.registers));
  return registers;
}

Result<std::vector<Registers>> Emitter::combine(mlir::Region& region,
                                                const std::vector<Registers>& arguments) {
  auto plain = [](mlir::Operation& op) { return op.getNumRegions() == 0; };
  size_t count = arguments.front().size();
  if (region.hasOneBlock() && llvm::all_of(region.front(), plain)) {
    auto results = inlineBlock(region.front(), arguments);
    // What depends on no argument is there once, for all elements.
    for (size_t i = 0; results && i < results->size(); ++i)
      if (Registers& one = (*results)[i]; one.size() == 1) one.resize(count, one.front());
    return results;
  }
  std::vector<Registers> results;
  for (size_t r = 0; r < count; ++r) {
    std::vector<Registers> one;
    for (const Registers& argument : arguments)
      one.push_back({argument[r]});
    auto done = emitRegion(region, one);
    if (!done) return done;
    results.resize(done->size());
    for (size_t i = 0; i < done->size(); ++i)
      results[i].push_back((*done)[i].front());
  }
  return results;
}

llvm::Value* Emitter::assembly(llvm::Type* result, const std::string& text, const std::string& constraints,
                               llvm::ArrayRef<llvm::Value*> arguments, bool sideEffects) {
  llvm::SmallVector<llvm::Type*> types;
  for (llvm::Value* argument : arguments)
    types.push_back(argument->getType());
  auto* signature = llvm::FunctionType::get(result, types, false);
  return builder.CreateCall(llvm::InlineAsm::get(signature, text, constraints, sideEffects), arguments);
}

llvm::Value* Emitter::callLibrary(llvm::StringRef name, llvm::Type* result,
                                  llvm::ArrayRef<llvm::Value*> arguments) {
  llvm::SmallVector<llvm::Type*> types;
  for (llvm::Value* argument : arguments)
    types.push_back(argument->getType());
  auto callee = module.getOrInsertFunction(name, llvm::FunctionType::get(result, types, false));
  return builder.CreateCall(callee, arguments);
}

llvm::Value* Emitter::string(llvm::StringRef text) {
  auto* data = llvm::ConstantDataArray::getString(module.getContext(), text);
  auto* global = new llvm::GlobalVariable(module, data->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                          data, "text", nullptr, llvm::GlobalValue::NotThreadLocal, 1);
  return builder.CreateAddrSpaceCast(global, builder.getPtrTy());
}

} // namespace tuned::nvptx
