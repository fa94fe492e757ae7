// Tensor descriptors as pointers and bounds: loads, stores, reductions into memory, gather and scatter.
#include "backend/nvptx/lowering/memory/access.h"
#include "backend/nvptx/lowering/memory/descriptors.h"

#include <llvm/IR/Instructions.h>

namespace tuned::nvptx {
namespace {

/// Where the elements of a block are in memory, register by register.
class Block {
public:
  /// `starts[d]`: the coordinate of the block's first element along dimension d; with `rows` set, dimension 0
  /// is looked up there instead (by register).
  Block(Emitter& e, mlir::Value descriptor, const LinearLayout& tile, llvm::ArrayRef<llvm::Value*> starts,
        const Registers* rows = nullptr)
      : e(e), b(e.builder), type(mlir::cast<tt::TensorDescType>(descriptor.getType())),
        value(e.scalar(descriptor)), rank(static_cast<unsigned>(type.getBlockType().getRank())), layout(tile),
        starts(starts), rows(rows) {
    // A tile may leave out leading dimensions of size 1: the elements' order is the same.
    if (!rows) layout.shape = type.getBlockType().getShape().vec();
    for (unsigned d = 0; d < rank; ++d)
      inside.push_back(e.coordinates(layout, d));
    element = e.memoryType(type.getBlockType());
  }

  llvm::Value* base() { return b.CreateExtractValue(value, 0); }
  llvm::Value* size(unsigned d) { return b.CreateExtractValue(value, 1 + d); }
  llvm::Value* stride(unsigned d) { return b.CreateExtractValue(value, 1 + rank + d); }
  llvm::Value* paddingIsNan() { return b.CreateExtractValue(value, 1 + 2 * rank); }
  llvm::Type* elementType() const { return element; }
  unsigned bytes() const { return element->getScalarSizeInBits() / 8; }
  const LinearLayout& tile() const { return layout; }

  llvm::Value* pointer(uint32_t r) {
    llvm::Value* offset = nullptr;
    for (unsigned d = 0; d < rank; ++d) {
      llvm::Value* part = b.CreateMul(b.CreateSExt(coordinate(r, d), b.getInt64Ty()), stride(d));
      offset = offset ? b.CreateAdd(offset, part) : part;
    }
    return b.CreateGEP(element, base(), offset);
  }

  /// One comparison a dimension: as an unsigned number a negative coordinate is too large.
  llvm::Value* isInside(uint32_t r) {
    llvm::Value* all = nullptr;
    for (unsigned d = 0; d < rank; ++d)
      all = e.both(all, b.CreateICmpULT(coordinate(r, d), size(d)));
    return all;
  }

  /// Whether the whole block is inside and vectors of `elements` are aligned: the same for all threads.
  llvm::Value* wholeAndAligned(unsigned elements) {
    llvm::Value* all = nullptr;
    llvm::Value* low = b.CreatePtrToInt(base(), b.getInt64Ty());
    for (unsigned d = 0; d < rank; ++d) {
      llvm::Value* end = b.CreateAdd(b.CreateZExt(starts[d], b.getInt64Ty()),
                                     b.getInt64(static_cast<uint64_t>(layout.shape[d])));
      all = e.both(all, b.CreateICmpULE(end, b.CreateZExt(size(d), b.getInt64Ty())));
      llvm::Value* step = d + 1 == rank ? b.CreateSExt(starts[d], b.getInt64Ty()) : stride(d);
      low = b.CreateOr(low, b.CreateMul(step, b.getInt64(bytes())));
    }
    // The last dimension's stride is 1.
    all = e.both(all, b.CreateICmpEQ(stride(rank - 1), b.getInt64(1)));
    llvm::Value* rest = b.CreateAnd(low, b.getInt64(elements * bytes() - 1));
    return e.both(all, b.CreateICmpEQ(rest, b.getInt64(0)));
  }

private:
  llvm::Value* coordinate(uint32_t r, unsigned d) {
    if (rows && d == 0) return (*rows)[r];
    return b.CreateAdd(starts[d], inside[d][r]);
  }

  Emitter& e;
  llvm::IRBuilder<>& b;
  tt::TensorDescType type;
  llvm::Value* value;
  unsigned rank;
  LinearLayout layout;
  llvm::ArrayRef<llvm::Value*> starts;
  const Registers* rows;
  std::vector<Registers> inside; ///< coordinates within the block, by dimension and register
  llvm::Type* element;
};

llvm::SmallVector<llvm::Value*> scalars(Emitter& e, mlir::ValueRange range) {
  llvm::SmallVector<llvm::Value*> values;
  for (mlir::Value value : range)
    values.push_back(e.scalar(value));
  return values;
}

/// `other` where the mask is false, without touching memory.
llvm::Value* guardedLoad(Emitter& e, llvm::Value* pointer, llvm::Value* mask, llvm::Value* other) {
  Words word = Words::of(1, other->getType()->getScalarSizeInBits() / 8);
  std::string bits = std::to_string(word.bits), move = std::to_string(std::max(16u, word.bits));
  auto packed = pack(e, {other}, word);
  std::string constraint = word.constraint();
  llvm::Value* loaded =
      e.assembly(packed[0]->getType(), "mov.b" + move + " $0, $3;\n\t@$2 ld.global.b" + bits + " $0, [$1];",
                 "=&" + constraint + ",l,b," + constraint, {pointer, mask, packed[0]}, true);
  return unpack(e, {loaded}, 1, other->getType())[0];
}

void guardedStore(Emitter& e, llvm::Value* pointer, llvm::Value* mask, llvm::Value* value) {
  Words word = Words::of(1, value->getType()->getScalarSizeInBits() / 8);
  auto packed = pack(e, {value}, word);
  e.assembly(e.builder.getVoidTy(), "@$1 st.global.b" + std::to_string(word.bits) + " [$0], $2;",
             std::string("l,b,") + word.constraint(), {pointer, mask, packed[0]}, true);
}

llvm::Value* paddingOf(Emitter& e, Block& block) {
  llvm::Type* element = block.elementType();
  llvm::Value* zero = llvm::Constant::getNullValue(element);
  if (!element->isFloatingPointTy()) return zero;
  return e.builder.CreateSelect(block.paddingIsNan(), llvm::ConstantFP::getNaN(element), zero);
}

/// Registers with replicas filled in, and i1 made of bytes.
Registers finished(Emitter& e, Registers registers, const LinearLayout& layout, mlir::Type type) {
  for (llvm::Value*& value : registers)
    if (value) value = e.fromMemory(value, type);
  shareReplicas(registers, layout);
  return registers;
}

Registers loadGuarded(Emitter& e, Block& block) {
  llvm::Value* padding = paddingOf(e, block);
  Registers registers(block.tile().registerCount());
  uint32_t replicas = freeVariables(block.tile()).registers;
  for (uint32_t r = 0; r < registers.size(); ++r)
    if (!(r & replicas)) registers[r] = guardedLoad(e, block.pointer(r), block.isInside(r), padding);
  return registers;
}

Registers loadVectors(Emitter& e, Block& block, const VectorPlan& plan) {
  auto& b = e.builder;
  Registers registers(block.tile().registerCount());
  auto* vector = llvm::FixedVectorType::get(block.elementType(), plan.size());
  for (uint32_t base : plan.bases) {
    llvm::Value* loaded =
        b.CreateAlignedLoad(vector, block.pointer(base), llvm::Align(plan.size() * block.bytes()));
    for (uint32_t i = 0; i < plan.size(); ++i)
      registers[plan.member(base, i)] = b.CreateExtractElement(loaded, uint64_t{i});
  }
  return registers;
}

/// Emits `fast` where the condition holds and `slow` elsewhere, and joins the registers they give.
template <typename Fast, typename Slow>
Registers either(Emitter& e, llvm::Value* condition, Fast fast, Slow slow) {
  auto& b = e.builder;
  llvm::BasicBlock *yes = e.newBlock("whole"), *no = e.newBlock("ragged"), *after = e.newBlock("after.block");
  b.CreateCondBr(condition, yes, no);
  b.SetInsertPoint(yes);
  Registers first = fast();
  yes = b.GetInsertBlock();
  b.CreateBr(after);
  b.SetInsertPoint(no);
  Registers second = slow();
  no = b.GetInsertBlock();
  b.CreateBr(after);
  b.SetInsertPoint(after);
  for (size_t r = 0; r < first.size(); ++r) {
    if (!first[r]) continue;
    llvm::PHINode* phi = b.CreatePHI(first[r]->getType(), 2);
    phi->addIncoming(first[r], yes);
    phi->addIncoming(second[r], no);
    first[r] = phi;
  }
  return first;
}

Result<void> makeDescriptor(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::MakeTensorDescOp>(operation);
  auto& b = e.builder;
  auto type = mlir::cast<tt::TensorDescType>(op.getResult().getType());
  unsigned field = 0;
  llvm::Value* result = llvm::PoisonValue::get(descriptorType(b.getContext(), type));
  result = b.CreateInsertValue(result, e.scalar(op.getBase()), field++);
  for (mlir::Value size : op.getShape())
    result = b.CreateInsertValue(result, descriptorSize(e, e.scalar(size)), field++);
  for (mlir::Value stride : op.getStrides())
    result = b.CreateInsertValue(result, e.scalar(stride), field++);
  result = b.CreateInsertValue(result, b.getInt1(op.getPadding() == tt::PaddingOption::PAD_NAN), field);
  e.set(op.getResult(), {result});
  return {};
}

Result<void> loadBlock(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorLoadOp>(operation);
  mlir::Type type = op.getResult().getType();
  auto starts = scalars(e, op.getIndices());
  Block block(e, op.getDesc(), e.layout(type), starts);
  VectorPlan plan = planVectors(operation, e.layout(type), block.bytes());
  Registers registers = plan.size() == 1 ? loadGuarded(e, block)
                                         : either(
                                               e, block.wholeAndAligned(plan.size()),
                                               [&] { return loadVectors(e, block, plan); },
                                               [&] { return loadGuarded(e, block); });
  e.set(op.getResult(), finished(e, std::move(registers), block.tile(), type));
  return {};
}

void storeGuarded(Emitter& e, Block& block, const Registers& values) {
  uint32_t replicas = freeVariables(block.tile()).registers;
  llvm::Value* owner = e.owner(block.tile());
  for (uint32_t r = 0; r < values.size(); ++r)
    if (!(r & replicas))
      guardedStore(e, block.pointer(r), e.both(owner, block.isInside(r)), e.toMemory(values[r]));
}

void storeVectors(Emitter& e, Block& block, const VectorPlan& plan, const Registers& values) {
  auto& b = e.builder;
  e.when(e.owner(block.tile()), [&] {
    for (uint32_t base : plan.bases) {
      llvm::Value* vector =
          llvm::PoisonValue::get(llvm::FixedVectorType::get(block.elementType(), plan.size()));
      for (uint32_t i = 0; i < plan.size(); ++i)
        vector = b.CreateInsertElement(vector, e.toMemory(values[plan.member(base, i)]), uint64_t{i});
      b.CreateAlignedStore(vector, block.pointer(base), llvm::Align(plan.size() * block.bytes()));
    }
  });
}

Result<void> storeBlock(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorStoreOp>(operation);
  auto starts = scalars(e, op.getIndices());
  LinearLayout layout = e.layout(op.getSrc());
  Block block(e, op.getDesc(), layout, starts);
  VectorPlan plan = planVectors(operation, layout, block.bytes());
  if (plan.size() == 1) {
    storeGuarded(e, block, e.of(op.getSrc()));
    return {};
  }
  either(
      e, block.wholeAndAligned(plan.size()),
      [&] {
        storeVectors(e, block, plan, e.of(op.getSrc()));
        return Registers();
      },
      [&] {
        storeGuarded(e, block, e.of(op.getSrc()));
        return Registers();
      });
  return {};
}

/// Signedness is the descriptor's: tensors do not keep it.
std::optional<llvm::AtomicRMWInst::BinOp> reduction(tt::DescriptorReduceKind kind, mlir::Type element) {
  using Inst = llvm::AtomicRMWInst;
  bool floats = mlir::isa<mlir::FloatType>(element), isUnsigned = element.isUnsignedInteger();
  switch (kind) {
  case tt::DescriptorReduceKind::ADD:
    return floats ? Inst::FAdd : Inst::Add;
  case tt::DescriptorReduceKind::MIN:
    return floats ? Inst::FMin : isUnsigned ? Inst::UMin : Inst::Min;
  case tt::DescriptorReduceKind::MAX:
    return floats ? Inst::FMax : isUnsigned ? Inst::UMax : Inst::Max;
  case tt::DescriptorReduceKind::AND:
    return Inst::And;
  case tt::DescriptorReduceKind::OR:
    return Inst::Or;
  case tt::DescriptorReduceKind::XOR:
    return Inst::Xor;
  case tt::DescriptorReduceKind::INC:
    return Inst::UIncWrap;
  case tt::DescriptorReduceKind::DEC:
    return Inst::UDecWrap;
  case tt::DescriptorReduceKind::NONE:
    break;
  }
  return std::nullopt;
}

Result<void> reduceBlock(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorReduceOp>(operation);
  auto element = mlir::cast<tt::TensorDescType>(op.getDesc().getType()).getBlockType().getElementType();
  auto kind = reduction(op.getKind(), element);
  if (!kind) return unsupported(operation, "no such reduction");
  auto starts = scalars(e, op.getIndices());
  LinearLayout layout = e.layout(op.getSrc());
  Block block(e, op.getDesc(), layout, starts);
  const Registers& values = e.of(op.getSrc());
  uint32_t replicas = freeVariables(layout).registers;
  llvm::Value* owner = e.owner(layout);
  for (uint32_t r = 0; r < values.size(); ++r) {
    if (r & replicas) continue;
    e.when(e.both(owner, block.isInside(r)), [&] {
      e.builder.CreateAtomicRMW(*kind, block.pointer(r), values[r], llvm::MaybeAlign(),
                                llvm::AtomicOrdering::Monotonic,
                                e.builder.getContext().getOrInsertSyncScopeID("device"));
    });
  }
  return {};
}

/// The row each register of `tile` belongs to: the row numbers go through shared memory, since any thread may
/// need any.
Registers lookUpRows(Emitter& e, mlir::Operation& op, mlir::Value numbers, const LinearLayout& tile) {
  auto& b = e.builder;
  llvm::Value* table = e.scratch(op);
  LinearLayout from = e.layout(numbers);
  const Registers& values = e.of(numbers);
  Registers places = e.coordinates(from, 0);
  uint32_t replicas = freeVariables(from).registers;
  e.when(e.owner(from), [&] {
    for (uint32_t r = 0; r < values.size(); ++r)
      if (!(r & replicas))
        b.CreateStore(b.CreateSExtOrTrunc(values[r], b.getInt32Ty()),
                      b.CreateGEP(b.getInt32Ty(), table, places[r]));
  });
  e.barrier();
  Registers rows;
  for (llvm::Value* place : e.coordinates(tile, 0))
    rows.push_back(b.CreateLoad(b.getInt32Ty(), b.CreateGEP(b.getInt32Ty(), table, place)));
  return rows;
}

Result<void> gatherRows(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorGatherOp>(operation);
  mlir::Type type = op.getResult().getType();
  LinearLayout layout = e.layout(type);
  Registers rows = lookUpRows(e, operation, op.getXOffsets(), layout);
  llvm::Value* starts[] = {e.builder.getInt32(0), e.scalar(op.getYOffset())};
  Block block(e, op.getDesc(), layout, starts, &rows);
  e.set(op.getResult(), finished(e, loadGuarded(e, block), layout, type));
  return {};
}

Result<void> scatterRows(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorScatterOp>(operation);
  LinearLayout layout = e.layout(op.getSrc());
  Registers rows = lookUpRows(e, operation, op.getXOffsets(), layout);
  llvm::Value* starts[] = {e.builder.getInt32(0), e.scalar(op.getYOffset())};
  Block block(e, op.getDesc(), layout, starts, &rows);
  storeGuarded(e, block, e.of(op.getSrc()));
  return {};
}

uint32_t rowTableBytes(mlir::Operation& op) {
  auto rows = mlir::isa<tt::DescriptorGatherOp>(op) ? mlir::cast<tt::DescriptorGatherOp>(op).getXOffsets()
                                                    : mlir::cast<tt::DescriptorScatterOp>(op).getXOffsets();
  return static_cast<uint32_t>(4 * mlir::cast<mlir::RankedTensorType>(rows.getType()).getNumElements());
}

} // namespace

void addDescriptors(OpTable& table) {
  table["tt.make_tensor_descriptor"] = {makeDescriptor};
  table["tt.descriptor_load"] = {loadBlock};
  table["tt.descriptor_store"] = {storeBlock};
  table["tt.descriptor_reduce"] = {reduceBlock};
  table["tt.descriptor_gather"] = {gatherRows, rowTableBytes};
  table["tt.descriptor_scatter"] = {scatterRows, rowTableBytes};
}

} // namespace tuned::nvptx
