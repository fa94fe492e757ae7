// Writes one function as LLVM IR for NVPTX. A value is the registers of one thread: a tensor has one
// llvm::Value for each register of its layout, in order; a scalar has one. Families of operations are in
// lower_*.cpp (op_table.h).
#pragma once

#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/errors.h"
#include "backend/nvptx/lowering/op_table.h"
#include "backend/nvptx/target.h"
#include "ir/dialect/Dialect.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

namespace tuned::nvptx {

using Registers = std::vector<llvm::Value*>;

/// Registers that are null and replicate others (freeVariables) get the values of those.
void shareReplicas(Registers& registers, const LinearLayout& layout);

/// A value where paths meet. Each phi holds as many neighbouring registers as fit 32 bits: one of 16 bits
/// alone would take a machine register to itself.
struct Meeting {
  std::vector<llvm::PHINode*> phis;
  Registers registers; ///< taken out of the phis
};

/// What the kernel is called in PTX and in the cubin: its own name, where PTX and the library leave it free.
std::string symbolOf(tt::FuncOp kernel);

class Emitter {
public:
  Emitter(llvm::Module& module, const Target& target, unsigned numWarps, tt::FuncOp function);

  /// Emits the whole function as a kernel of the same name.
  Result<void> emitFunction();

  // --- values
  // -------------------------------------------------------------------------------------------------
  /// The registers of a value that was set.
  const Registers& of(mlir::Value value) const;
  /// The one register of a scalar (or of a tensor that has one).
  llvm::Value* scalar(mlir::Value value) const { return of(value).front(); }
  void set(mlir::Value value, Registers registers) { values[value] = std::move(registers); }
  /// The layout of a tensor; a scalar is a tensor of no dimensions, replicated everywhere.
  LinearLayout layout(mlir::Value value) const { return layout(value.getType()); }
  LinearLayout layout(mlir::Type type) const;

  /// The LLVM type of a scalar or of a tensor's element. fp8 is i8; pointers are in address space 1; i1 is
  /// i1.
  llvm::Type* type(mlir::Type type) const;
  /// The same as it lies in memory: i1 is i8.
  llvm::Type* memoryType(mlir::Type type) const;
  /// Bytes of an element in memory.
  unsigned bytes(mlir::Type type) const;
  llvm::Value* toMemory(llvm::Value* value); ///< i1 to i8, others unchanged
  llvm::Value* fromMemory(llvm::Value* value, mlir::Type type);

  // --- threads
  // ------------------------------------------------------------------------------------------------
  unsigned numWarps() const { return warpCount; }
  unsigned numThreads() const { return warpCount * 32; }
  llvm::Value* thread() const { return threadId; } ///< 0 … numThreads - 1, i32
  llvm::Value* lane() const { return laneId; }
  llvm::Value* warp() const { return warpId; }
  /// What the thread's lane and warp add to a linear map: combine(fromLane, lane) ^ combine(fromWarp, warp),
  /// as i32.
  llvm::Value* linear(const Bases& fromLane, const Bases& fromWarp);
  /// The element index (row-major) of register 0 in this thread; register r's is this ^ layout.at(r, 0, 0).
  llvm::Value* elementIndex(const LinearLayout& layout) { return linear(layout.lanes, layout.warps); }
  /// The coordinate along `dim` of each register's element, i32.
  Registers coordinates(const LinearLayout& layout, unsigned dim);
  /// part ^ constant, where no bit outside `mask` is set in part.
  llvm::Value* xorConstant(llvm::Value* part, uint32_t mask, uint32_t constant);
  /// i1: this thread is the one that writes what others hold too; null when no thread holds a replica.
  /// Registers to be written are those without a bit of freeVariables(layout).registers.
  llvm::Value* owner(const LinearLayout& layout);
  /// `a && b`, where null is true.
  llvm::Value* both(llvm::Value* a, llvm::Value* b);

  // --- the warp, the CTA
  // --------------------------------------------------------------------------------------
  /// Shuffles a value of any scalar type (words of 32 bits each): from lane `sourceLane`, or from lane ^
  /// mask.
  llvm::Value* shuffle(llvm::Value* value, llvm::Value* sourceLane);
  llvm::Value* shuffleXor(llvm::Value* value, unsigned mask);
  /// From `delta` lanes below; lanes < delta keep their own.
  llvm::Value* shuffleUp(llvm::Value* value, unsigned delta);
  void barrier();
  /// The operation's scratch memory: ptr addrspace(3), aligned to 16 bytes.
  llvm::Value* scratch(mlir::Operation& op);
  /// The CTA's shared memory from its first byte on.
  llvm::Value* sharedMemory();

  // --- code
  // ---------------------------------------------------------------------------------------------------
  /// Emits the operations of a block up to its terminator, whose operands are returned, with the block's
  /// arguments set to `arguments`. All values may have the same number N of registers: N evaluations at once.
  Result<std::vector<Registers>> inlineBlock(mlir::Block& block, const std::vector<Registers>& arguments);
  /// Emits a region of any control flow; what its return-like terminators give comes out as phis.
  Result<std::vector<Registers>> emitRegion(mlir::Region& region, const std::vector<Registers>& arguments);
  /// Ends the current block with a branch to a block of the region being emitted.
  void branchTo(mlir::Block* block, mlir::ValueRange arguments);
  llvm::BasicBlock* blockFor(mlir::Block* block);
  /// Phis for a value of this type at the end of the block's phis, and its registers behind them.
  Meeting meet(mlir::Type type, llvm::BasicBlock* block);
  /// What the meeting gets from the end of `block`; one register stands for all.
  void addIncoming(const Meeting& meeting, const Registers& from, llvm::BasicBlock* block);
  /// Applies a one-block region of scalar operations (of a reduction, say) to N sets of arguments at once;
  /// one after the other when the region has control flow.
  Result<std::vector<Registers>> combine(mlir::Region& region, const std::vector<Registers>& arguments);
  Result<void> emit(mlir::Operation& op);
  /// Runs `body` only where `condition` (null: everywhere) holds.
  template <typename Body> void when(llvm::Value* condition, Body body) {
    if (!condition) return body();
    llvm::BasicBlock* after = beginWhen(condition);
    body();
    endWhen(after);
  }
  llvm::BasicBlock* newBlock(const llvm::Twine& name);
  /// Calls inline assembly. `sideEffects`: it is neither moved nor dropped.
  llvm::Value* assembly(llvm::Type* result, const std::string& text, const std::string& constraints,
                        llvm::ArrayRef<llvm::Value*> arguments, bool sideEffects);
  /// Calls a function of CUDA's device library ("__nv_sinf"), which is linked later.
  llvm::Value* callLibrary(llvm::StringRef name, llvm::Type* result, llvm::ArrayRef<llvm::Value*> arguments);
  /// A read-only string in constant memory (address space 0 pointer).
  llvm::Value* string(llvm::StringRef text);
  /// Results of applying `f` to each register of the operation's operands; one-register operands are
  /// repeated.
  template <typename F> Result<void> elementwise(mlir::Operation& op, F f) {
    Registers results(registerCount(op));
    llvm::SmallVector<llvm::Value*> operands(op.getNumOperands());
    for (size_t r = 0; r < results.size(); ++r) {
      for (unsigned i = 0; i < operands.size(); ++i)
        operands[i] = at(op.getOperand(i), r);
      results[r] = f(llvm::ArrayRef<llvm::Value*>(operands));
    }
    set(op.getResult(0), std::move(results));
    return {};
  }
  /// Register r of a value, or its only one.
  llvm::Value* at(mlir::Value value, size_t r) const {
    const Registers& registers = of(value);
    return registers[registers.size() == 1 ? 0 : r];
  }
  /// The registers an elementwise operation gives: as many as its operands have.
  size_t registerCount(mlir::Operation& op) const;

  llvm::IRBuilder<> builder;
  llvm::Module& module;
  const Target& target;

private:
  llvm::BasicBlock* beginWhen(llvm::Value* condition);
  void endWhen(llvm::BasicBlock* after);
  void beginKernel();
  llvm::Value* eachWord(llvm::Value* value, llvm::function_ref<llvm::Value*(llvm::Value*)> f);

  unsigned warpCount;
  tt::FuncOp source;
  llvm::Function* kernel = nullptr;
  llvm::Value *threadId = nullptr, *laneId = nullptr, *warpId = nullptr;
  llvm::GlobalVariable* shared = nullptr;
  llvm::DenseMap<mlir::Value, Registers> values;
  llvm::DenseMap<mlir::Block*, llvm::BasicBlock*> blocks;
  llvm::DenseMap<mlir::Value, Meeting> meetings; ///< of blocks' arguments
};

} // namespace tuned::nvptx
