// tt.dot_scaled becomes a tt.dot of 16-bit floats: operands are widened and multiplied by their scales first.
// The architectures that multiply scaled operands themselves (sm_100 on) can have that later.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Builders.h>

namespace tuned {
namespace {

using Kind = tt::ScaleDotElemType;
using mlir::Value;

mlir::RankedTensorType tensorType(llvm::ArrayRef<int64_t> shape, mlir::Type element) {
  return mlir::RankedTensorType::get(shape, element);
}
mlir::RankedTensorType typeOf(Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

class Decomposition {
public:
  explicit Decomposition(tt::DotScaledOp dot) : op(dot), b(dot), at(dot.getLoc()) {
    bool half = op.getAElemType() == Kind::FP16 || op.getBElemType() == Kind::FP16;
    compute = half ? static_cast<mlir::Type>(b.getF16Type()) : b.getBF16Type();
  }

  void run() {
    auto rank = typeOf(op.getC()).getRank();
    Value a = operand(op.getA(), op.getAScale(), op.getAElemType(), rank - 1,
                      op.getLhsKPack() ? rank - 1 : rank - 2,
                      /*transposedScale=*/false);
    Value c = operand(op.getB(), op.getBScale(), op.getBElemType(), rank - 2,
                      op.getRhsKPack() ? rank - 2 : rank - 1,
                      /*transposedScale=*/true);
    auto dot = tt::DotOp::create(b, at, op.getC().getType(), a, c, op.getC(), tt::InputPrecision::IEEE, 0);
    op.getResult().replaceAllUsesWith(dot.getD());
    op.erase();
  }

private:
  /// `inner`: the dimension summed over; `packed`: the one along which an i8 holds two e2m1.
  Value operand(Value value, Value scale, Kind kind, int64_t inner, int64_t packed, bool transposedScale) {
    Value wide = kind == Kind::E2M1 ? unpackFourBit(value, packed) : toCompute(asFloat(value, kind));
    if (!scale) return wide;
    Value spread = spreadScale(scale, typeOf(wide).getShape(), inner, transposedScale);
    Value product = mlir::arith::MulFOp::create(b, at, wide, scaleAsFloat(spread));
    if (op.getFastMath() || !typeOf(scale).getElementType().isInteger()) return product;
    // The scale 0xff is NaN.
    auto type = typeOf(spread);
    Value isNan =
        mlir::arith::CmpIOp::create(b, at, mlir::arith::CmpIPredicate::eq, spread, splat(type, 255));
    auto nan = llvm::APFloat::getNaN(mlir::cast<mlir::FloatType>(compute).getFloatSemantics());
    auto nans = mlir::DenseElementsAttr::get(typeOf(product), nan);
    return mlir::arith::SelectOp::create(b, at, isNan, mlir::arith::ConstantOp::create(b, at, nans), product);
  }

  /// 8-bit floats may come as plain bytes.
  Value asFloat(Value value, Kind kind) {
    if (!typeOf(value).getElementType().isInteger()) return value;
    mlir::Type element = kind == Kind::E5M2
                             ? static_cast<mlir::Type>(mlir::Float8E5M2Type::get(b.getContext()))
                             : mlir::Float8E4M3FNType::get(b.getContext());
    return tt::BitcastOp::create(b, at, tensorType(typeOf(value).getShape(), element), value);
  }

  Value toCompute(Value value) {
    auto type = typeOf(value);
    if (type.getElementType() == compute) return value;
    auto wanted = tensorType(type.getShape(), compute);
    if (type.getElementTypeBitWidth() == 8) return tt::FpToFpOp::create(b, at, wanted, value, {});
    auto f32 = tensorType(type.getShape(), b.getF32Type()); // bf16 beside f16
    return mlir::arith::TruncFOp::create(b, at, wanted, mlir::arith::ExtFOp::create(b, at, f32, value));
  }

  Value splat(mlir::RankedTensorType type, int64_t number) {
    auto attribute =
        mlir::DenseElementsAttr::get(type, b.getIntegerAttr(type.getElementType(), number).getValue());
    return mlir::arith::ConstantOp::create(b, at, attribute);
  }

  /// Two values of 4 bits in each byte, the low one first.
  Value unpackFourBit(Value bytes, int64_t dim) {
    auto type = typeOf(bytes);
    Value low = mlir::arith::AndIOp::create(b, at, bytes, splat(type, 15));
    Value high = mlir::arith::ShRUIOp::create(b, at, bytes, splat(type, 4));
    return interleave(fourBitValue(low), fourBitValue(high), dim);
  }

  /// sign, two bits of exponent (bias 1), one of mantissa; as bf16, whose fields it fits.
  Value fourBitValue(Value nibble) {
    using namespace mlir::arith;
    auto wide = tensorType(typeOf(nibble).getShape(), b.getI16Type());
    Value bits = ExtUIOp::create(b, at, wide, nibble);
    Value magnitude = AndIOp::create(b, at, bits, splat(wide, 7));
    Value normal =
        AddIOp::create(b, at, ShLIOp::create(b, at, magnitude, splat(wide, 6)), splat(wide, 126 << 7));
    auto equals = [&](int64_t number) {
      return CmpIOp::create(b, at, CmpIPredicate::eq, magnitude, splat(wide, number));
    };
    Value half = SelectOp::create(b, at, equals(1), splat(wide, 0x3f00), normal);
    Value value = SelectOp::create(b, at, equals(0), splat(wide, 0), half);
    Value sign = ShLIOp::create(b, at, AndIOp::create(b, at, bits, splat(wide, 8)), splat(wide, 12));
    Value result = OrIOp::create(b, at, value, sign);
    return toCompute(tt::BitcastOp::create(b, at, tensorType(wide.getShape(), b.getBF16Type()), result));
  }

  /// even[i], odd[i] become elements 2i and 2i + 1 along `dim`.
  Value interleave(Value even, Value odd, int64_t dim) {
    auto shape = llvm::to_vector(typeOf(even).getShape());
    auto rank = static_cast<int64_t>(shape.size());
    auto joinedShape = shape;
    joinedShape.push_back(2);
    Value joined = tt::JoinOp::create(b, at, tensorType(joinedShape, compute), even, odd);
    if (dim != rank - 1) {
      llvm::SmallVector<int32_t> order;
      llvm::SmallVector<int64_t> moved;
      for (int64_t d = 0; d <= rank; ++d) {
        // The new dimension goes right behind `dim`.
        int64_t from = d <= dim ? d : d == dim + 1 ? rank : d - 1;
        order.push_back(static_cast<int32_t>(from));
        moved.push_back(joinedShape[from]);
      }
      joined = tt::TransOp::create(b, at, tensorType(moved, compute), joined, b.getDenseI32ArrayAttr(order));
    }
    shape[dim] *= 2;
    return reshape(joined, shape);
  }

  Value reshape(Value value, llvm::ArrayRef<int64_t> shape) {
    auto type = tensorType(shape, typeOf(value).getElementType());
    return tt::ReshapeOp::create(b, at, type, value, /*allow_reorder=*/false, /*efficient_layout=*/false);
  }

  /// One scale for each element: […, K / n] repeated n times along K, and turned for the second operand.
  Value spreadScale(Value scale, llvm::ArrayRef<int64_t> shape, int64_t inner, bool transposed) {
    auto rank = static_cast<int64_t>(shape.size());
    if (transposed) {
      llvm::SmallVector<int32_t> order;
      for (int64_t d = 0; d < rank; ++d)
        order.push_back(static_cast<int32_t>(d));
      std::swap(order[rank - 1], order[rank - 2]);
      auto turned = llvm::to_vector(typeOf(scale).getShape());
      std::swap(turned[rank - 1], turned[rank - 2]);
      auto type = tensorType(turned, typeOf(scale).getElementType());
      scale = tt::TransOp::create(b, at, type, scale, b.getDenseI32ArrayAttr(order));
    }
    auto wide = llvm::to_vector(typeOf(scale).getShape());
    int64_t each = shape[inner] / wide[inner];
    if (each == 1) return scale;
    mlir::Type element = typeOf(scale).getElementType();
    wide.insert(wide.begin() + inner + 1, 1);
    Value spread =
        tt::ExpandDimsOp::create(b, at, tensorType(wide, element), scale, static_cast<uint32_t>(inner + 1));
    wide[inner + 1] = each;
    spread = tt::BroadcastOp::create(b, at, tensorType(wide, element), spread);
    return reshape(spread, shape);
  }

  /// A byte is the exponent of a power of two.
  Value scaleAsFloat(Value scale) {
    using namespace mlir::arith;
    auto type = typeOf(scale);
    if (!type.getElementType().isInteger()) return toCompute(scale);
    bool half = compute.isF16();
    auto wide = tensorType(type.getShape(), half ? b.getI32Type() : b.getI16Type());
    Value bits = ShLIOp::create(b, at, ExtUIOp::create(b, at, wide, scale), splat(wide, half ? 23 : 7));
    if (!half) return tt::BitcastOp::create(b, at, tensorType(type.getShape(), compute), bits);
    Value f32 = tt::BitcastOp::create(b, at, tensorType(type.getShape(), b.getF32Type()), bits);
    return TruncFOp::create(b, at, tensorType(type.getShape(), compute), f32);
  }

  tt::DotScaledOp op;
  mlir::OpBuilder b;
  mlir::Location at;
  mlir::Type compute;
};

} // namespace

mlir::LogicalResult decomposeScaledDots(mlir::ModuleOp module) {
  std::vector<tt::DotScaledOp> dots;
  module.walk([&](tt::DotScaledOp dot) { dots.push_back(dot); });
  for (tt::DotScaledOp dot : dots)
    Decomposition(dot).run();
  return mlir::success();
}

} // namespace tuned
