// Tensor descriptors: a base, a shape, strides and what lies outside, as one LLVM struct.
#include "backend/cpu/emit/emitter.h"

namespace tuned::cpu {
namespace {

mlir::RankedTensorType blockOf(mlir::Value descriptor) {
  return mlir::cast<tt::TensorDescType>(descriptor.getType()).getBlockType();
}

} // namespace

llvm::StructType* Emitter::descriptorType(tt::TensorDescType type) {
  auto* sizes = llvm::ArrayType::get(builder_.getInt64Ty(), uint64_t(type.getBlockType().getRank()));
  return llvm::StructType::get(context_, {builder_.getPtrTy(), sizes, sizes, builder_.getInt1Ty()});
}

llvm::Value* Emitter::makeDescriptor(tt::TensorDescType type, llvm::Value* base,
                                     llvm::ArrayRef<llvm::Value*> shape, llvm::ArrayRef<llvm::Value*> strides,
                                     llvm::Value* nanPadding) {
  llvm::Value* result = llvm::PoisonValue::get(descriptorType(type));
  result = builder_.CreateInsertValue(result, base, 0);
  for (unsigned axis = 0; axis < shape.size(); ++axis) {
    llvm::Value* size = builder_.CreateSExt(shape[axis], builder_.getInt64Ty());
    result = builder_.CreateInsertValue(result, size, {1, axis});
    result = builder_.CreateInsertValue(result, builder_.CreateSExt(strides[axis], builder_.getInt64Ty()),
                                        {2, axis});
  }
  return builder_.CreateInsertValue(result, nanPadding, 3);
}

llvm::SmallVector<LaneValue> Emitter::blockCoordinates(mlir::Value descriptor, mlir::ValueRange indices,
                                                       const LaneIndex& index) {
  llvm::SmallVector<LaneValue> coordinates;
  llvm::ArrayRef<int64_t> shape = blockOf(descriptor).getShape();
  for (unsigned axis = 0; axis < shape.size(); ++axis) {
    LaneValue place = indexing_.places(indexing_.coordinate(index, shape, axis), builder_.getInt64Ty());
    place.value =
        builder_.CreateAdd(place.value, builder_.CreateSExt(scalar(indices[axis]), builder_.getInt64Ty()));
    coordinates.push_back(place);
  }
  return coordinates;
}

llvm::SmallVector<LaneValue> Emitter::rowCoordinates(mlir::Value rows, mlir::Value column, mlir::Type tile,
                                                     const LaneIndex& index) {
  llvm::ArrayRef<int64_t> shape = tt::shapeOf(tile);
  LaneIndex at = indexing_.coordinate(index, shape, 0);
  LaneValue row = evaluate(rows, at);
  if (!row.isUniform()) row = {toVector(builder_, row, index.width())};
  row.value = builder_.CreateSExt(row.value, vectorOf(builder_.getInt64Ty(), widthOf(row.value)));
  LaneValue place = indexing_.places(indexing_.coordinate(index, shape, 1), builder_.getInt64Ty());
  place.value = builder_.CreateAdd(place.value, builder_.CreateSExt(scalar(column), builder_.getInt64Ty()));
  return {row, place};
}

// In the fast twin of a loop only addresses remain: that the block is inside is part of the twin's condition.
Emitter::Block Emitter::blockAt(mlir::Value descriptor, Coordinates coordinatesIn, unsigned width) {
  llvm::Value* fields = scalar(descriptor);
  unsigned rank = unsigned(blockOf(descriptor).getRank());
  llvm::Value* zero = builder_.getInt64(0);
  auto sizeOf = [&](unsigned axis) { return builder_.CreateExtractValue(fields, {1, axis}); };
  bool inside = assume([&]() -> llvm::Value* {
    llvm::Value* all = builder_.getTrue();
    llvm::SmallVector<LaneValue> coordinates = coordinatesIn();
    for (unsigned axis = 0; axis < rank; ++axis) {
      const LaneValue& at = coordinates[axis];
      if (at.isVector()) return nullptr;
      auto add = [&](int64_t offset) {
        return builder_.CreateAdd(at.value, builder_.getInt64(uint64_t(offset)));
      };
      int64_t low = at.offsets.empty() ? 0 : *llvm::min_element(at.offsets);
      int64_t high = at.offsets.empty() ? 0 : *llvm::max_element(at.offsets);
      all = builder_.CreateAnd(all, builder_.CreateICmpSGE(add(low), zero));
      all = builder_.CreateAnd(all, builder_.CreateICmpSLT(add(high), sizeOf(axis)));
    }
    return all;
  });
  llvm::SmallVector<LaneValue> coordinates = coordinatesIn();
  int64_t size = storageBytes(blockOf(descriptor).getElementType());
  llvm::Value* offset = zero;
  LaneValue vectorOffset;
  llvm::SmallVector<int64_t, 16> offsets(width, 0);
  std::optional<LaneValue> mask;
  for (unsigned axis = 0; axis < rank; ++axis) {
    const LaneValue& at = coordinates[axis];
    llvm::Value* stride = builder_.CreateExtractValue(fields, {2, axis});
    bool last = axis + 1 == rank; // whose stride is 1
    if (!at.isVector() && (last || at.isUniform())) {
      offset = builder_.CreateAdd(offset, last ? at.value : builder_.CreateMul(at.value, stride));
      for (unsigned l = 0; l < width; ++l)
        offsets[l] += last ? at.offset(l) * size : 0;
    } else {
      llvm::Value* part = builder_.CreateMul(toVector(builder_, at, width),
                                             splat(builder_, last ? builder_.getInt64(1) : stride, width));
      vectorOffset.value = vectorOffset.value ? builder_.CreateAdd(vectorOffset.value, part) : part;
    }
    if (inside) continue;
    bool uniform = at.isUniform();
    unsigned lanes = uniform ? 1 : width;
    llvm::Value* vector = uniform ? at.value : toVector(builder_, at, width);
    llvm::Value* valid =
        builder_.CreateAnd(builder_.CreateICmpSGE(vector, splat(builder_, zero, lanes)),
                           builder_.CreateICmpSLT(vector, splat(builder_, sizeOf(axis), lanes)));
    if (!mask) {
      mask = LaneValue{valid};
    } else if (mask->isUniform() && uniform) {
      mask->value = builder_.CreateAnd(mask->value, valid);
    } else {
      mask->value = builder_.CreateAnd(toVector(builder_, *mask, width), toVector(builder_, {valid}, width));
    }
  }
  llvm::Type* element = builder_.getIntNTy(unsigned(size * 8));
  LaneValue address =
      affine(builder_.CreateGEP(element, builder_.CreateExtractValue(fields, 0), offset), offsets);
  if (vectorOffset.value && width == 1)
    address.value = builder_.CreateGEP(element, address.value, vectorOffset.value);
  else if (vectorOffset.value)
    address = {builder_.CreateGEP(element, toVector(builder_, address, width), vectorOffset.value)};
  return {address, mask};
}

LaneValue Emitter::evaluateDescriptorLoad(mlir::Operation& op, const LaneIndex& index) {
  mlir::Value descriptor = op.getOperand(0);
  auto gather = mlir::dyn_cast<tt::DescriptorGatherOp>(op);
  auto coordinates = [&] {
    if (gather)
      return rowCoordinates(gather.getXOffsets(), gather.getYOffset(), gather.getResult().getType(), index);
    return blockCoordinates(descriptor, mlir::cast<tt::DescriptorLoadOp>(op).getIndices(), index);
  };
  Block block = blockAt(descriptor, coordinates, index.width());
  mlir::Type element = tt::elementType(op.getResult(0).getType());
  llvm::Value* other = llvm::Constant::getNullValue(typeOf(element));
  if (mlir::isa<mlir::FloatType>(element)) {
    llvm::Type* type = typeOf(element);
    llvm::Constant* nan = type->isFloatingPointTy() ? llvm::ConstantFP::getNaN(type)
                          : element.isF16()         ? llvm::ConstantInt::get(type, 0x7fff)
                                            : llvm::ConstantInt::get(type, element.isBF16() ? 0x7fff : 0x7f);
    other = builder_.CreateSelect(builder_.CreateExtractValue(scalar(descriptor), 3), nan, other);
  }
  return load(block.address, element, block.mask, LaneValue{other}, index.width());
}

void Emitter::emitDescriptorStore(mlir::Operation& op) {
  auto scatter = mlir::dyn_cast<tt::DescriptorScatterOp>(op);
  auto plain = mlir::dyn_cast<tt::DescriptorStoreOp>(op);
  mlir::Value descriptor = op.getOperand(0), source = scatter ? scatter.getSrc() : plain.getSrc();
  auto type = mlir::cast<mlir::RankedTensorType>(source.getType());
  unsigned width = widthFor(type.getNumElements());
  forEachChunk(type.getNumElements(), type.getShape().back(), width, [&](const LaneIndex& index) {
    Block block = blockAt(
        descriptor,
        [&] {
          if (scatter) return rowCoordinates(scatter.getXOffsets(), scatter.getYOffset(), type, index);
          return blockCoordinates(descriptor, plain.getIndices(), index);
        },
        width);
    store(block.address, type.getElementType(), evaluate(source, index), block.mask, width);
  });
}

void Emitter::emitDescriptorReduce(tt::DescriptorReduceOp op) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getSrc().getType());
  mlir::Type element = type.getElementType();
  bool isFloat = mlir::isa<mlir::FloatType>(element);
  std::optional<tt::RMWOp> kind;
  switch (op.getKind()) {
  case tt::DescriptorReduceKind::ADD:
    kind = isFloat ? tt::RMWOp::FADD : tt::RMWOp::ADD;
    break;
  case tt::DescriptorReduceKind::MIN:
    kind = tt::RMWOp::MIN;
    break;
  case tt::DescriptorReduceKind::MAX:
    kind = tt::RMWOp::MAX;
    break;
  case tt::DescriptorReduceKind::AND:
    kind = tt::RMWOp::AND;
    break;
  case tt::DescriptorReduceKind::OR:
    kind = tt::RMWOp::OR;
    break;
  case tt::DescriptorReduceKind::XOR:
    kind = tt::RMWOp::XOR;
    break;
  default:
    return unsupported(*op.getOperation(), "this kind of reduction");
  }
  // The descriptor's element type may carry the sign that the tile's does not.
  bool isUnsigned = blockOf(op.getDesc()).getElementType().isUnsignedInteger();
  if (isUnsigned && kind == tt::RMWOp::MIN) kind = tt::RMWOp::UMIN;
  if (isUnsigned && kind == tt::RMWOp::MAX) kind = tt::RMWOp::UMAX;
  forEachChunk(
      type.getNumElements(), type.getNumElements(), 1,
      [&](const LaneIndex& index) {
        Block block = blockAt(
            op.getDesc(), [&] { return blockCoordinates(op.getDesc(), op.getIndices(), index); }, 1);
        llvm::Value* value = evaluateVector(op.getSrc(), index);
        llvm::Value* inside = block.mask ? block.mask->value : builder_.getTrue();
        when(inside,
             [&] {
               readModifyWrite(*kind, element, block.address.value, value, llvm::AtomicOrdering::Monotonic);
               return Values{};
             },
             {});
      },
      false);
}

} // namespace tuned::cpu
