// Loops, branches and calls. Scalars pass through phis, tiles through their slots.
#include "backend/cpu/emit/emitter.h"
#include "ir/analysis/loop_counter.h"

#include <llvm/ADT/PostOrderIterator.h>
#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/IR/Matchers.h>
#include <mlir/IR/RegionGraphTraits.h>

namespace tuned::cpu {
namespace {

bool isTile(mlir::Type type) {
  return mlir::isa<mlir::RankedTensorType>(type);
}

} // namespace

// One phi a type that is no tile's, null for tiles.
Emitter::Phis Emitter::makePhis(llvm::BasicBlock* block, mlir::TypeRange types) {
  llvm::IRBuilderBase::InsertPointGuard guard(builder_);
  builder_.SetInsertPoint(block);
  Phis phis;
  for (mlir::Type type : types)
    phis.push_back(isTile(type) ? nullptr : builder_.CreatePHI(typeOf(type), 2));
  return phis;
}

void Emitter::addIncoming(const Phis& phis, mlir::ValueRange values) {
  for (auto [phi, value] : llvm::zip(phis, values))
    if (phi) phi->addIncoming(scalar(value), builder_.GetInsertBlock());
}

void Emitter::emitBlock(mlir::Block& block) {
  for (mlir::Operation& op : block) {
    bool branch = mlir::isa<mlir::cf::BranchOp, mlir::cf::CondBranchOp>(op);
    if (op.hasTrait<mlir::OpTrait::IsTerminator>() && !branch)
      onReturn_(op);
    else
      emitOperation(op);
    if (error_) return;
  }
}

void Emitter::emitRegion(mlir::Region& region, llvm::function_ref<void(mlir::Operation&)> onReturn) {
  auto outer = onReturn_;
  onReturn_ = onReturn;
  llvm::ReversePostOrderTraversal<mlir::Block*> order(&region.front());
  for (mlir::Block* block : order) {
    if (block->isEntryBlock()) continue;
    blocks_[block] = newBlock("block");
    Phis phis = makePhis(blocks_[block], block->getArgumentTypes());
    for (auto [argument, phi] : llvm::zip(block->getArguments(), phis))
      if (phi) scalars_[argument] = phi;
  }
  for (mlir::Block* block : order) {
    if (!block->isEntryBlock()) builder_.SetInsertPoint(blocks_[block]);
    emitBlock(*block);
    if (error_) break;
  }
  onReturn_ = outer;
}

void Emitter::branchTo(mlir::Block* block, mlir::ValueRange operands, mlir::Operation& op,
                       unsigned successor) {
  assignSlots(op, successor);
  llvm::BasicBlock* target = blocks_[block];
  for (auto [argument, operand] : llvm::zip(block->getArguments(), operands))
    if (!isTile(argument.getType()))
      llvm::cast<llvm::PHINode>(scalars_[argument])->addIncoming(scalar(operand), builder_.GetInsertBlock());
  builder_.CreateBr(target);
}

void Emitter::emitBranch(mlir::Operation& op) {
  if (auto branch = mlir::dyn_cast<mlir::cf::BranchOp>(op))
    return branchTo(branch.getDest(), branch.getDestOperands(), op, 0);
  auto branch = mlir::cast<mlir::cf::CondBranchOp>(op);
  llvm::BasicBlock *yes = newBlock("yes"), *no = newBlock("no");
  builder_.CreateCondBr(scalar(branch.getCondition()), yes, no);
  builder_.SetInsertPoint(yes);
  branchTo(branch.getTrueDest(), branch.getTrueDestOperands(), op, 0);
  builder_.SetInsertPoint(no);
  branchTo(branch.getFalseDest(), branch.getFalseDestOperands(), op, 1);
}

// The offset of a carried tile after one more round: pointers count elements, in 64 bits.
llvm::Value* Emitter::addSteps(llvm::Value* offset, mlir::Value yielded, mlir::Value argument) {
  auto steps = Plan::carriedSteps(yielded, argument); // named: it must outlive the loop
  for (mlir::Value step : *steps) {
    mlir::Attribute attribute;
    llvm::Value* value = mlir::matchPattern(step, mlir::m_Constant(&attribute))
                             ? constant(tt::elementType(step.getType()), attribute)
                             : scalar(step.getDefiningOp<tt::SplatOp>().getSrc());
    offset = builder_.CreateAdd(offset, builder_.CreateSExtOrTrunc(value, offset->getType()));
  }
  return offset;
}

void Emitter::emitFor(mlir::scf::ForOp op) {
  assignSlots(*op.getOperation());
  llvm::Value *lower = scalar(op.getLowerBound()), *upper = scalar(op.getUpperBound()),
              *step = scalar(op.getStep());
  llvm::BasicBlock *header = newBlock("for"), *body = newBlock("body"), *after = newBlock("after");
  Phis phis = makePhis(header, op.getResultTypes());
  addIncoming(phis, op.getInitArgs());
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  builder_.CreateBr(header);
  builder_.SetInsertPoint(header);
  auto* counter = builder_.CreatePHI(lower->getType(), 2);
  counter->addIncoming(lower, before);
  scalars_[op.getInductionVar()] = counter;
  llvm::SmallVector<std::pair<unsigned, llvm::PHINode*>> offsets;
  for (auto [number, argument] : llvm::enumerate(op.getRegionIterArgs())) {
    mlir::Value result = op.getResult(unsigned(number));
    if (phis[number]) {
      scalars_[argument] = scalars_[result] = phis[number];
    } else if (plan_.home(argument) == Plan::Home::Carried) {
      mlir::Type element = tt::elementType(argument.getType());
      llvm::Type* type = mlir::isa<tt::PointerType>(element) ? builder_.getInt64Ty() : typeOf(element);
      auto* offset = builder_.CreatePHI(type, 2);
      offset->addIncoming(llvm::Constant::getNullValue(type), before);
      carriedOffsets_[argument] = carriedOffsets_[result] = offset;
      offsets.push_back({unsigned(number), offset});
    }
  }
  bool isUnsigned = op->hasAttr("unsignedCmp");
  llvm::Value* more =
      isUnsigned ? builder_.CreateICmpULT(counter, upper) : builder_.CreateICmpSLT(counter, upper);
  // Set once the counter has passed its type's end.
  llvm::PHINode* wrapped = nullptr;
  if (tt::counterMayWrap(op)) {
    wrapped = llvm::PHINode::Create(builder_.getInt1Ty(), 2, "", counter->getIterator());
    wrapped->addIncoming(builder_.getFalse(), before);
    more = builder_.CreateSelect(wrapped, builder_.getFalse(), more);
  }
  builder_.CreateCondBr(more, body, after);
  builder_.SetInsertPoint(body);
  for (mlir::Operation& inner : op.getBody()->without_terminator())
    emitOperation(inner);
  if (error_) return;
  mlir::Operation* yield = op.getBody()->getTerminator();
  assignSlots(*yield);
  llvm::SmallVector<llvm::Value*> next;
  for (auto [number, offset] : offsets)
    next.push_back(addSteps(offset, yield->getOperand(number), op.getRegionIterArg(number)));
  llvm::Value* following = builder_.CreateAdd(counter, step);
  if (wrapped)
    wrapped->addIncoming(isUnsigned ? builder_.CreateICmpULT(following, counter)
                                    : builder_.CreateICmpSLT(following, counter),
                         builder_.GetInsertBlock());
  addIncoming(phis, yield->getOperands());
  for (auto [offset, value] : llvm::zip(offsets, next))
    offset.second->addIncoming(value, builder_.GetInsertBlock());
  counter->addIncoming(following, builder_.GetInsertBlock());
  builder_.CreateBr(header);
  builder_.SetInsertPoint(after);
}

void Emitter::emitIf(mlir::scf::IfOp op) {
  llvm::BasicBlock *yes = newBlock("then"), *no = newBlock("else"), *after = newBlock("after");
  Phis phis = makePhis(after, op.getResultTypes());
  builder_.CreateCondBr(scalar(op.getCondition()), yes, no);
  for (auto [block, region] : {std::pair{yes, &op.getThenRegion()}, {no, &op.getElseRegion()}}) {
    builder_.SetInsertPoint(block);
    if (!region->empty()) {
      for (mlir::Operation& inner : region->front().without_terminator())
        emitOperation(inner);
      if (error_) return;
      mlir::Operation* yield = region->front().getTerminator();
      assignSlots(*yield);
      addIncoming(phis, yield->getOperands());
    }
    builder_.CreateBr(after);
  }
  builder_.SetInsertPoint(after);
  for (auto [result, phi] : llvm::zip(op.getResults(), phis))
    if (phi) scalars_[result] = phi;
}

void Emitter::emitWhile(mlir::scf::WhileOp op) {
  assignSlots(*op.getOperation());
  llvm::BasicBlock *header = newBlock("while"), *body = newBlock("do"), *after = newBlock("after");
  Phis phis = makePhis(header, op.getBeforeBody()->getArgumentTypes());
  addIncoming(phis, op.getInits());
  builder_.CreateBr(header);
  builder_.SetInsertPoint(header);
  for (auto [argument, phi] : llvm::zip(op.getBeforeArguments(), phis))
    if (phi) scalars_[argument] = phi;
  for (mlir::Operation& inner : op.getBeforeBody()->without_terminator())
    emitOperation(inner);
  if (error_) return;
  mlir::scf::ConditionOp condition = op.getConditionOp();
  assignSlots(*condition.getOperation());
  for (auto [argument, result, value] :
       llvm::zip(op.getAfterArguments(), op.getResults(), condition.getArgs()))
    if (!isTile(value.getType())) scalars_[argument] = scalars_[result] = scalar(value);
  builder_.CreateCondBr(scalar(condition.getCondition()), body, after);
  builder_.SetInsertPoint(body);
  for (mlir::Operation& inner : op.getAfterBody()->without_terminator())
    emitOperation(inner);
  if (error_) return;
  mlir::Operation* yield = op.getAfterBody()->getTerminator();
  assignSlots(*yield);
  addIncoming(phis, yield->getOperands());
  builder_.CreateBr(header);
  builder_.SetInsertPoint(after);
}

// The callee's body in the place of the call; each call has a body of its own.
void Emitter::emitCall(tt::CallOp op) {
  auto found = callees_.find(op.getOperation());
  if (found == callees_.end()) return unsupported(*op.getOperation(), "no body for " + op.getCallee().str());
  tt::FuncOp callee = found->second;
  for (auto [argument, operand] : llvm::zip(callee.getArguments(), op.getOperands()))
    if (!isTile(operand.getType())) scalars_[argument] = scalar(operand);
  llvm::BasicBlock* after = newBlock("returned");
  Phis phis = makePhis(after, op.getResultTypes());
  emitRegion(callee.getBody(), [&](mlir::Operation& end) {
    assignSlots(end);
    addIncoming(phis, end.getOperands());
    builder_.CreateBr(after);
  });
  builder_.SetInsertPoint(after);
  for (auto [result, phi] : llvm::zip(op.getResults(), phis))
    if (phi) scalars_[result] = phi;
}

} // namespace tuned::cpu
