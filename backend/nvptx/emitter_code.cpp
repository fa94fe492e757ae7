// Code: blocks, regions, phis, inline assembly.
#include "backend/nvptx/emitter.h"

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

Registers Emitter::phis(mlir::Type valueType, llvm::BasicBlock* block) {
  llvm::IRBuilder<>::InsertPointGuard guard(builder);
  builder.SetInsertPoint(block, block->getFirstNonPHIIt());
  Registers registers(layout(valueType).registerCount());
  for (llvm::Value*& reg : registers)
    reg = builder.CreatePHI(type(valueType), 2);
  return registers;
}

void Emitter::addIncoming(const Registers& phis, const Registers& from, llvm::BasicBlock* block) {
  for (size_t r = 0; r < phis.size(); ++r)
    llvm::cast<llvm::PHINode>(phis[r])->addIncoming(from[from.size() == 1 ? 0 : r], block);
}

llvm::BasicBlock* Emitter::blockFor(mlir::Block* block) {
  llvm::BasicBlock*& known = blocks[block];
  if (known) return known;
  known = newBlock("block");
  for (mlir::BlockArgument argument : block->getArguments())
    set(argument, phis(argument.getType(), known));
  return known;
}

void Emitter::branchTo(mlir::Block* block, mlir::ValueRange arguments) {
  llvm::BasicBlock* target = blockFor(block);
  for (auto [parameter, argument] : llvm::zip(block->getArguments(), arguments))
    addIncoming(of(parameter), of(argument), builder.GetInsertBlock());
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
  std::vector<Registers> results;
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
      if (!returned) results.push_back(phis(value.getType(), exit));
      addIncoming(results[i], of(value), builder.GetInsertBlock());
    }
    returned = true;
    builder.CreateBr(exit);
  }
  for (mlir::Block& block : region)
    blocks.erase(&block); // the region may be emitted again
  builder.SetInsertPoint(exit);
  return results;
}

Result<std::vector<Registers>> Emitter::combine(mlir::Region& region,
                                                const std::vector<Registers>& arguments) {
  auto plain = [](mlir::Operation& op) { return op.getNumRegions() == 0; };
  if (region.hasOneBlock() && llvm::all_of(region.front(), plain))
    return inlineBlock(region.front(), arguments);
  std::vector<Registers> results;
  for (size_t r = 0; r < arguments.front().size(); ++r) {
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
