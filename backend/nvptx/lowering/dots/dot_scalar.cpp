// Dots by multiply-adds, for types and precisions the tensor cores do not have.
#include "backend/nvptx/lowering/dots/dot.h"
#include "backend/nvptx/lowering/math/float_conversion.h"

#include <map>

namespace tuned::nvptx {
namespace {

constexpr uint32_t alignment = 16;

uint32_t operandBytes(mlir::RankedTensorType type) {
  auto bytes = static_cast<uint32_t>(type.getNumElements() * std::max(1u, tt::elementBits(type) / 8));
  return (bytes + alignment - 1) / alignment * alignment;
}

/// The number of bits a dimension's coordinate has, and where it starts in the element index.
struct Dimension {
  unsigned shift;
  uint32_t mask;
};
Dimension dimension(const LinearLayout& layout, size_t dim) {
  auto d = static_cast<unsigned>(dim);
  return {layout.dimShift(d), layout.dimMask(d)};
}

class ScalarDot {
public:
  ScalarDot(Emitter& e, tt::DotOp op)
      : e(e), b(e.builder), op(op), layoutD(e.layout(op.getD())), rank(layoutD.shape.size()),
        sizeK(static_cast<uint32_t>(op.getA().getType().getShape().back())) {
    llvm::Type* element = e.type(op.getD().getType());
    sumType = element->isHalfTy() || element->isBFloatTy() ? b.getFloatTy() : element;
  }

  void emit() {
    llvm::Value* base = e.scratch(*op);
    llvm::Value* baseB = b.CreateConstInBoundsGEP1_32(b.getInt8Ty(), base, operandBytes(op.getA().getType()));
    store(op.getA(), base);
    store(op.getB(), baseB);
    e.barrier();
    findRowsAndColumns();
    e.set(op.getD(), loop(base, baseB));
  }

private:
  /// Row-major, each element by one thread.
  void store(mlir::Value operand, llvm::Value* base) {
    LinearLayout layout = e.layout(operand);
    const Registers& registers = e.of(operand);
    uint32_t replicas = freeVariables(layout).registers;
    llvm::Value* first = e.elementIndex(layout);
    e.when(e.owner(layout), [&] {
      for (uint32_t r = 0; r < registers.size(); ++r) {
        if (r & replicas) continue;
        llvm::Value* index = b.CreateXor(first, layout.at(r, 0, 0));
        llvm::Value* value = e.toMemory(registers[r]);
        b.CreateStore(value, b.CreateGEP(value->getType(), base, index));
      }
    });
  }

  /// Results in one row read the same of A, in one column the same of B: addresses without their part along
  /// K.
  void findRowsAndColumns() {
    Dimension row = dimension(layoutD, rank - 2), column = dimension(layoutD, rank - 1);
    uint32_t batchMask = rank == 3 ? dimension(layoutD, 0).mask : 0;
    unsigned batchShift = rank == 3 ? dimension(layoutD, 0).shift : 0;
    auto sizeM = static_cast<uint32_t>(layoutD.shape[rank - 2]),
         sizeN = static_cast<uint32_t>(layoutD.shape[rank - 1]);
    llvm::Value* first = e.elementIndex(layoutD);
    for (uint32_t r = 0; r < layoutD.registerCount(); ++r) {
      uint32_t place = layoutD.at(r, 0, 0);
      auto coordinate = [&](uint32_t mask, unsigned shift) {
        return b.CreateLShr(b.CreateAnd(b.CreateXor(first, place), mask), shift);
      };
      auto remember = [&](std::map<uint32_t, llvm::Value*>& known, uint32_t mask, auto make) {
        llvm::Value*& value = known[place & mask];
        if (!value) value = make();
        return place & mask;
      };
      rowOf.push_back(remember(rows, row.mask | batchMask, [&] {
        llvm::Value* start = b.CreateMul(coordinate(row.mask, row.shift), b.getInt32(sizeK));
        if (rank == 2) return start;
        return b.CreateAdd(start, b.CreateMul(coordinate(batchMask, batchShift), b.getInt32(sizeM * sizeK)));
      }));
      columnOf.push_back(remember(columns, column.mask | batchMask, [&] {
        llvm::Value* start = coordinate(column.mask, column.shift);
        if (rank == 2) return start;
        return b.CreateAdd(start, b.CreateMul(coordinate(batchMask, batchShift), b.getInt32(sizeN * sizeK)));
      }));
    }
    columnStep = sizeN;
  }

  llvm::Value* widen(llvm::Value* value, mlir::Type type) {
    if (isFp8(type)) value = convertFloat(e, {value}, type, mlir::Float32Type::get(op.getContext())).front();
    if (value->getType() == sumType) return value;
    return sumType->isIntegerTy() ? b.CreateSExtOrTrunc(value, sumType) : b.CreateFPCast(value, sumType);
  }

  std::map<uint32_t, llvm::Value*> loadAll(const std::map<uint32_t, llvm::Value*>& starts, llvm::Value* base,
                                           llvm::Value* offset, mlir::Type type) {
    std::map<uint32_t, llvm::Value*> values;
    llvm::Type* element = e.memoryType(type);
    for (auto [key, start] : starts)
      values[key] =
          widen(b.CreateLoad(element, b.CreateGEP(element, base, b.CreateAdd(start, offset))), type);
    return values;
  }

  Registers loop(llvm::Value* baseA, llvm::Value* baseB) {
    llvm::BasicBlock *before = b.GetInsertBlock(), *body = e.newBlock("dot"),
                     *after = e.newBlock("after.dot");
    Registers start;
    for (llvm::Value* value : e.of(op.getC()))
      start.push_back(value->getType() == sumType ? value : b.CreateFPExt(value, sumType));
    b.CreateBr(body);
    b.SetInsertPoint(body);
    llvm::PHINode* k = b.CreatePHI(b.getInt32Ty(), 2, "k");
    std::vector<llvm::PHINode*> sums;
    for (llvm::Value* value : start) {
      sums.push_back(b.CreatePHI(sumType, 2));
      sums.back()->addIncoming(value, before);
    }
    auto a = loadAll(rows, baseA, k, op.getA().getType());
    auto c = loadAll(columns, baseB, b.CreateMul(k, b.getInt32(columnStep)), op.getB().getType());
    Registers next;
    for (size_t r = 0; r < sums.size(); ++r)
      next.push_back(multiplyAdd(a[rowOf[r]], c[columnOf[r]], sums[r]));
    llvm::Value* following = b.CreateAdd(k, b.getInt32(1));
    k->addIncoming(b.getInt32(0), before);
    k->addIncoming(following, b.GetInsertBlock());
    for (size_t r = 0; r < sums.size(); ++r)
      sums[r]->addIncoming(next[r], b.GetInsertBlock());
    b.CreateCondBr(b.CreateICmpULT(following, b.getInt32(sizeK)), body, after);
    b.SetInsertPoint(after);
    llvm::Type* element = e.type(op.getD().getType());
    for (llvm::Value*& value : next)
      if (value->getType() != element) value = b.CreateFPTrunc(value, element);
    return next;
  }

  llvm::Value* multiplyAdd(llvm::Value* x, llvm::Value* y, llvm::Value* sum) {
    if (sumType->isIntegerTy()) return b.CreateAdd(b.CreateMul(x, y), sum);
    return b.CreateIntrinsic(sumType, llvm::Intrinsic::fma, {x, y, sum});
  }

  Emitter& e;
  llvm::IRBuilder<>& b;
  tt::DotOp op;
  LinearLayout layoutD;
  size_t rank;
  uint32_t sizeK, columnStep = 0;
  llvm::Type* sumType;
  std::map<uint32_t, llvm::Value*> rows, columns; // by the bits of the element index that choose them
  std::vector<uint32_t> rowOf, columnOf;          // by register
};

} // namespace

Result<void> emitScalarDot(Emitter& e, tt::DotOp op) {
  mlir::Type d = op.getD().getType().getElementType();
  for (mlir::Value operand : {op.getA(), op.getB()}) {
    mlir::Type type = tt::elementType(operand.getType());
    bool floats = mlir::isa<mlir::FloatType>(type) && mlir::isa<mlir::FloatType>(d);
    bool integers = type.isInteger() && d.isInteger();
    if (!floats && !integers) return unsupported(*op, "these operand types do not go with this result");
  }
  if (isFp8(d)) return unsupported(*op, "sums are not kept in 8-bit floats");
  ScalarDot(e, op).emit();
  return {};
}

uint32_t scalarDotScratchBytes(tt::DotOp op) {
  return operandBytes(op.getA().getType()) + operandBytes(op.getB().getType());
}

} // namespace tuned::nvptx
