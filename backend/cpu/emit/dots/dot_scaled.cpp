// Scaled dots, as Triton emulates them: operands are upcast to bf16 (f16 where one of them is), scaled,
// multiplied.
#include "backend/cpu/emit/emitter.h"

namespace tuned::cpu {
namespace {

mlir::Type narrowType(tt::DotScaledOp op) {
  bool half =
      op.getAElemType() == tt::ScaleDotElemType::FP16 || op.getBElemType() == tt::ScaleDotElemType::FP16;
  mlir::MLIRContext* context = op.getContext();
  return half ? mlir::Type(mlir::Float16Type::get(context)) : mlir::Type(mlir::BFloat16Type::get(context));
}

} // namespace

// An element's bits to f32; e2m1 is in the low four bits.
llvm::Value* Emitter::decodeScaled(llvm::Value* bits, tt::ScaleDotElemType format,
                                   mlir::MLIRContext* context) {
  switch (format) {
  case tt::ScaleDotElemType::E4M3:
    return formats_.widen(bits, mlir::Float8E4M3FNType::get(context));
  case tt::ScaleDotElemType::E5M2:
    return formats_.widen(bits, mlir::Float8E5M2Type::get(context));
  case tt::ScaleDotElemType::BF16:
    return formats_.widen(bits, mlir::BFloat16Type::get(context));
  case tt::ScaleDotElemType::FP16:
    return formats_.widen(bits, mlir::Float16Type::get(context));
  case tt::ScaleDotElemType::E2M1:
    break;
  default:
    return nullptr;
  }
  // Sign, two bits of exponent with bias 1, one of mantissa: as a tiny f32, scaled up.
  unsigned width = widthOf(bits);
  llvm::Type* i32 = vectorOf(builder_.getInt32Ty(), width);
  auto number = [&](uint64_t value) { return llvm::ConstantInt::get(i32, value); };
  llvm::Value* wide = builder_.CreateZExt(bits, i32);
  llvm::Value* magnitude = builder_.CreateShl(builder_.CreateAnd(wide, number(7)), number(22));
  llvm::Type* f32 = vectorOf(builder_.getFloatTy(), width);
  llvm::Value* scaled =
      builder_.CreateFMul(builder_.CreateBitCast(magnitude, f32), llvm::ConstantFP::get(f32, 0x1p126));
  llvm::Value* sign = builder_.CreateShl(builder_.CreateAnd(wide, number(8)), number(28));
  return builder_.CreateBitCast(builder_.CreateOr(builder_.CreateBitCast(scaled, i32), sign), f32);
}

// value * scale, rounded as the multiplication in `narrow` would.
llvm::Value* Emitter::applyScale(llvm::Value* value, llvm::Value* scale, mlir::Type scaleType,
                                 mlir::Type narrow, bool checkNan) {
  auto rounded = [&](llvm::Value* f32) { return formats_.widen(formats_.narrow(f32, narrow), narrow); };
  if (mlir::isa<mlir::FloatType>(scaleType))
    return rounded(builder_.CreateFMul(value, formats_.widen(scale, scaleType)));
  llvm::Type* i32 = vectorOf(builder_.getInt32Ty(), widthOf(scale)); // e8m0: the exponent of an f32
  llvm::Value* bits = builder_.CreateZExt(scale, i32);
  llvm::Value* power =
      builder_.CreateBitCast(builder_.CreateShl(bits, llvm::ConstantInt::get(i32, 23)), value->getType());
  llvm::Value* product = rounded(builder_.CreateFMul(value, rounded(power)));
  if (!checkNan) return product;
  llvm::Value* isNan = builder_.CreateICmpEQ(bits, llvm::ConstantInt::get(i32, 255));
  return builder_.CreateSelect(isNan, llvm::ConstantFP::getNaN(value->getType()), product);
}

void Emitter::fillScaled(tt::DotScaledOp op, bool left, llvm::Value* tile, int64_t rows, int64_t columns) {
  mlir::Value source = left ? op.getA() : op.getB(), scale = left ? op.getAScale() : op.getBScale();
  tt::ScaleDotElemType format = left ? op.getAElemType() : op.getBElemType();
  bool alongK = left ? op.getLhsKPack() : op.getRhsKPack();
  mlir::MLIRContext* context = op.getContext();
  mlir::Type f32 = mlir::Float32Type::get(context), narrow = narrowType(op);
  unsigned rowBits = log2(rows), columnBits = log2(columns), kBits = left ? columnBits : rowBits;
  unsigned group = 0;
  if (scale) group = kBits - log2(tt::shapeOf(scale.getType()).back());
  unsigned width = widthFor(rows * columns);
  forEachChunk(rows * columns, columns, width, [&](const LaneIndex& index) {
    llvm::Value* bits = nullptr;
    if (format == tt::ScaleDotElemType::E2M1) { // two to a byte, the even one in the low half
      unsigned at = left == alongK ? 0 : columnBits;
      LaneIndex pair = indexing_.slice(index, 0, at);
      indexing_.merge(pair, indexing_.slice(index, at + 1, 40), at);
      bits = evaluateVector(source, pair);
      llvm::Value* half = toVector(
          builder_, indexing_.places(indexing_.slice(index, at, 1), bits->getType()->getScalarType()), width);
      bits = builder_.CreateLShr(bits, builder_.CreateShl(half, llvm::ConstantInt::get(half->getType(), 2)));
      bits = builder_.CreateAnd(bits, llvm::ConstantInt::get(bits->getType(), 15));
    } else {
      bits = evaluateVector(source, index);
    }
    llvm::Value* value = decodeScaled(bits, format, context);
    if (!value) {
      unsupported(*op.getOperation(), "this element type");
      value = llvm::Constant::getNullValue(vectorOf(builder_.getFloatTy(), width));
    }
    if (scale) {
      LaneIndex k = left ? indexing_.slice(index, group, columnBits - group)
                         : indexing_.slice(index, columnBits + group, rowBits - group);
      LaneIndex line =
          left ? indexing_.slice(index, columnBits, rowBits) : indexing_.slice(index, 0, columnBits);
      indexing_.merge(k, line, kBits - group);
      value = applyScale(value, evaluateVector(scale, k), tt::elementType(scale.getType()), narrow,
                         !op.getFastMath());
    }
    writeTile(tile, f32, index, {value});
  });
}

void Emitter::emitDotScaled(tt::DotScaledOp op) {
  mlir::Operation& operation = *op.getOperation();
  mlir::Type compute = mlir::Float32Type::get(op.getContext());
  llvm::ArrayRef<int64_t> a = tt::shapeOf(op.getA().getType()), d = tt::shapeOf(op.getD().getType());
  if (d.size() != 2) return unsupported(operation, "only two-dimensional tiles");
  bool packed = op.getAElemType() == tt::ScaleDotElemType::E2M1 && op.getLhsKPack();
  Matrices matrices;
  matrices.batch = 1;
  matrices.m = d[0];
  matrices.n = d[1];
  matrices.k = a[1] * (packed ? 2 : 1);
  matrices.element = builder_.getFloatTy();
  matrices.a = scratchAt(plan_.temporary(&operation, 0));
  matrices.b = scratchAt(plan_.temporary(&operation, 1));
  fillScaled(op, true, matrices.a, matrices.m, matrices.k);
  fillScaled(op, false, matrices.b, matrices.k, matrices.n);
  matrices.c = prepareAccumulator(operation, op.getC(), op.getD(), compute, 2);
  multiply(matrices);
  finishAccumulator(op.getD(), matrices.c, compute);
}

} // namespace tuned::cpu
