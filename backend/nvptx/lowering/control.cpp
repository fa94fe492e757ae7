// Loops, branches and what a program knows of its grid.
#include "backend/nvptx/lowering/emitter.h"
#include "ir/analysis/loop_counter.h"

#include <llvm/IR/IntrinsicsNVPTX.h>
#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::nvptx {
namespace {

namespace scf = mlir::scf;

/// for: tested before the first round and after each, so that the body is one block with a branch back.
Result<void> forLoop(Emitter& e, mlir::Operation& op) {
  auto loop = mlir::cast<scf::ForOp>(op);
  auto& b = e.builder;
  llvm::Value *lower = e.scalar(loop.getLowerBound()), *upper = e.scalar(loop.getUpperBound());
  auto before = loop.getUnsignedCmp() ? llvm::CmpInst::ICMP_ULT : llvm::CmpInst::ICMP_SLT;
  llvm::BasicBlock *entry = b.GetInsertBlock(), *body = e.newBlock("loop"), *exit = e.newBlock("done");
  b.CreateCondBr(b.CreateICmp(before, lower, upper), body, exit);

  b.SetInsertPoint(body);
  auto* induction = b.CreatePHI(lower->getType(), 2, "i");
  induction->addIncoming(lower, entry);
  std::vector<Registers> arguments = {{induction}};
  std::vector<Meeting> carried;
  for (auto [argument, init] : llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs())) {
    carried.push_back(e.meet(argument.getType(), body));
    arguments.push_back(carried.back().registers);
    e.addIncoming(carried.back(), e.of(init), entry);
  }
  auto yielded = e.inlineBlock(*loop.getBody(), arguments);
  if (!yielded) return fail(yielded.error());
  llvm::BasicBlock* last = b.GetInsertBlock();
  llvm::Value* next = b.CreateAdd(induction, e.scalar(loop.getStep()));
  induction->addIncoming(next, last);
  // The counter may pass its type's end after the last round, or the whole way may be longer than its type
  // counts: what is left of the way is compared instead.
  llvm::Value* more = tt::counterMayWrap(loop) || tt::boundsMayBeFarApart(loop)
                          ? b.CreateICmpUGT(b.CreateSub(upper, induction), e.scalar(loop.getStep()))
                          : b.CreateICmp(before, next, upper);
  b.CreateCondBr(more, body, exit);

  b.SetInsertPoint(exit);
  for (unsigned i = 0; i < loop.getNumResults(); ++i) {
    e.addIncoming(carried[i], (*yielded)[i], last);
    Meeting result = e.meet(loop.getResult(i).getType(), exit);
    e.addIncoming(result, e.of(loop.getInitArgs()[i]), entry);
    e.addIncoming(result, (*yielded)[i], last);
    e.set(loop.getResult(i), std::move(result.registers));
  }
  return {};
}

Result<void> ifElse(Emitter& e, mlir::Operation& op) {
  auto branch = mlir::cast<scf::IfOp>(op);
  auto& b = e.builder;
  llvm::BasicBlock *then = e.newBlock("then"), *otherwise = e.newBlock("else"), *after = e.newBlock("endif");
  b.CreateCondBr(e.scalar(branch.getCondition()), then, otherwise);
  std::vector<Meeting> results;
  for (mlir::Type type : branch.getResultTypes())
    results.push_back(e.meet(type, after));
  for (auto [start, block] :
       {std::pair(then, branch.thenBlock()), std::pair(otherwise, branch.elseBlock())}) {
    b.SetInsertPoint(start);
    if (block) {
      auto yielded = e.inlineBlock(*block, {});
      if (!yielded) return fail(yielded.error());
      for (size_t i = 0; i < results.size(); ++i)
        e.addIncoming(results[i], (*yielded)[i], b.GetInsertBlock());
    }
    b.CreateBr(after);
  }
  b.SetInsertPoint(after);
  for (size_t i = 0; i < results.size(); ++i)
    e.set(branch.getResult(static_cast<unsigned>(i)), std::move(results[i].registers));
  return {};
}

Result<void> whileLoop(Emitter& e, mlir::Operation& op) {
  auto loop = mlir::cast<scf::WhileOp>(op);
  auto& b = e.builder;
  llvm::BasicBlock *entry = b.GetInsertBlock(), *test = e.newBlock("while"), *body = e.newBlock("do"),
                   *exit = e.newBlock("done");
  b.CreateBr(test);
  std::vector<Meeting> carried;
  std::vector<Registers> arguments;
  for (auto [argument, init] : llvm::zip(loop.getBeforeArguments(), loop.getInits())) {
    carried.push_back(e.meet(argument.getType(), test));
    arguments.push_back(carried.back().registers);
    e.addIncoming(carried.back(), e.of(init), entry);
  }
  b.SetInsertPoint(test);
  auto tested = e.inlineBlock(*loop.getBeforeBody(), arguments); // the condition, then what goes on
  if (!tested) return fail(tested.error());
  b.CreateCondBr(tested->front().front(), body, exit);
  std::vector<Registers> passed(tested->begin() + 1, tested->end());

  b.SetInsertPoint(body);
  auto yielded = e.inlineBlock(*loop.getAfterBody(), passed);
  if (!yielded) return fail(yielded.error());
  for (size_t i = 0; i < carried.size(); ++i)
    e.addIncoming(carried[i], (*yielded)[i], b.GetInsertBlock());
  b.CreateBr(test);
  b.SetInsertPoint(exit);
  for (size_t i = 0; i < passed.size(); ++i)
    e.set(loop.getResult(static_cast<unsigned>(i)), passed[i]);
  return {};
}

Result<void> jump(Emitter& e, mlir::Operation& op) {
  auto branch = mlir::cast<mlir::cf::BranchOp>(op);
  e.branchTo(branch.getDest(), branch.getDestOperands());
  return {};
}

/// Each way gets a block of its own, for both may go to one block with different arguments.
Result<void> conditionalJump(Emitter& e, mlir::Operation& op) {
  auto branch = mlir::cast<mlir::cf::CondBranchOp>(op);
  llvm::BasicBlock *yes = e.newBlock("yes"), *no = e.newBlock("no");
  e.builder.CreateCondBr(e.scalar(branch.getCondition()), yes, no);
  e.builder.SetInsertPoint(yes);
  e.branchTo(branch.getTrueDest(), branch.getTrueDestOperands());
  e.builder.SetInsertPoint(no);
  e.branchTo(branch.getFalseDest(), branch.getFalseDestOperands());
  return {};
}

Result<void> programId(Emitter& e, mlir::Operation& op) {
  using namespace llvm::Intrinsic;
  constexpr ID ids[] = {nvvm_read_ptx_sreg_ctaid_x, nvvm_read_ptx_sreg_ctaid_y, nvvm_read_ptx_sreg_ctaid_z};
  auto axis = static_cast<unsigned>(mlir::cast<tt::GetProgramIdOp>(op).getAxis());
  e.set(op.getResult(0), {e.builder.CreateIntrinsic(e.builder.getInt32Ty(), ids[axis], {})});
  return {};
}

Result<void> numPrograms(Emitter& e, mlir::Operation& op) {
  using namespace llvm::Intrinsic;
  constexpr ID ids[] = {nvvm_read_ptx_sreg_nctaid_x, nvvm_read_ptx_sreg_nctaid_y,
                        nvvm_read_ptx_sreg_nctaid_z};
  auto axis = static_cast<unsigned>(mlir::cast<tt::GetNumProgramsOp>(op).getAxis());
  e.set(op.getResult(0), {e.builder.CreateIntrinsic(e.builder.getInt32Ty(), ids[axis], {})});
  return {};
}

/// What llvm.intr.assume says was read by the analyses.
Result<void> nothing(Emitter&, mlir::Operation&) {
  return {};
}

Result<void> poison(Emitter& e, mlir::Operation& op) {
  mlir::Type type = op.getResult(0).getType();
  e.set(op.getResult(0), Registers(e.layout(type).registerCount(), llvm::PoisonValue::get(e.type(type))));
  return {};
}

} // namespace

void addControl(OpTable& table) {
  table["scf.for"] = {forLoop};
  table["scf.if"] = {ifElse};
  table["scf.while"] = {whileLoop};
  table["cf.br"] = {jump};
  table["cf.cond_br"] = {conditionalJump};
  table["tt.get_program_id"] = {programId};
  table["tt.get_num_programs"] = {numPrograms};
  table["llvm.intr.assume"] = {nothing};
  table["ub.poison"] = {poison};
}

} // namespace tuned::nvptx
