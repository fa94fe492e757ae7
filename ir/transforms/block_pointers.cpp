// Block pointers (up to Triton 3.7) to tensors of pointers. A block pointer is its base, then a size, a
// stride and an offset a dimension, all i64; loops and branches carry these instead.
#include "ir/dialect/Dialect.h"
#include "ir/transforms/passes.h"

#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Dialect/SCF/Transforms/Patterns.h>
#include <mlir/Transforms/DialectConversion.h>

namespace tuned {

namespace {

namespace arith = mlir::arith;
using mlir::ConversionPatternRewriter;
using mlir::LogicalResult;
using mlir::RankedTensorType;
using mlir::Value;
using mlir::ValueRange;

RankedTensorType blockOf(mlir::Type type) {
  auto pointer = mlir::dyn_cast<tt::PointerType>(type);
  return pointer ? mlir::dyn_cast<RankedTensorType>(pointer.getPointeeType()) : RankedTensorType();
}

/// The parts of a block pointer, in the order loops carry them.
struct Parts {
  explicit Parts(ValueRange values) : rank((values.size() - 1) / 3), values(values) {}
  Value base() const { return values[0]; }
  Value size(size_t d) const { return values[1 + d]; }
  Value stride(size_t d) const { return values[1 + rank + d]; }
  Value offset(size_t d) const { return values[1 + 2 * rank + d]; }
  size_t rank;
  ValueRange values;
};

/// Builds the tensors one access needs.
class Tiles {
public:
  Tiles(mlir::OpBuilder& builder, mlir::Location location, RankedTensorType block, const Parts& parts)
      : builder_(builder), location_(location), block_(block), parts_(parts) {}

  Value pointers() {
    Value offsets;
    for (size_t d = 0; d < parts_.rank; ++d) {
      Value scaled = arith::MulIOp::create(builder_, location_, index(d), splat(parts_.stride(d)));
      offsets = offsets ? arith::AddIOp::create(builder_, location_, offsets, scaled).getResult() : scaled;
    }
    Value base = tt::SplatOp::create(builder_, location_, like(parts_.base().getType()), parts_.base());
    return offsets ? tt::AddPtrOp::create(builder_, location_, base.getType(), base, offsets).getResult()
                   : base;
  }

  /// True inside the bounds of the checked dimensions; null when none is checked.
  Value mask(llvm::ArrayRef<int32_t> checked) {
    Value inside;
    for (int32_t d : checked)
      for (auto [predicate, limit] : {std::pair(arith::CmpIPredicate::sge, zero()),
                                      std::pair(arith::CmpIPredicate::slt, splat(parts_.size(d)))}) {
        Value one = arith::CmpIOp::create(builder_, location_, predicate, index(d), limit);
        inside = inside ? arith::AndIOp::create(builder_, location_, inside, one).getResult() : one;
      }
    return inside;
  }

  /// What a load gives outside the bounds.
  Value padding(tt::PaddingOption option) {
    mlir::Type element = block_.getElementType();
    mlir::TypedAttr value = builder_.getZeroAttr(element);
    if (auto floating = mlir::dyn_cast<mlir::FloatType>(element);
        floating && option == tt::PaddingOption::PAD_NAN)
      value = builder_.getFloatAttr(floating, llvm::APFloat::getNaN(floating.getFloatSemantics()));
    if (!value) return {};
    return arith::ConstantOp::create(builder_, location_,
                                     mlir::DenseElementsAttr::get(block_, mlir::Attribute(value)));
  }

private:
  RankedTensorType like(mlir::Type element) { return RankedTensorType::get(block_.getShape(), element); }
  Value splat(Value scalar) {
    return tt::SplatOp::create(builder_, location_, like(scalar.getType()), scalar);
  }
  Value zero() {
    auto type = like(builder_.getI64Type());
    return arith::ConstantOp::create(builder_, location_,
                                     mlir::DenseElementsAttr::get(type, llvm::APInt(64, uint64_t(0))));
  }

  /// offset + 0 … n-1 along d, in the block's shape.
  Value index(size_t d) {
    int64_t length = block_.getDimSize(d);
    auto line = RankedTensorType::get({length}, builder_.getI32Type());
    Value range = tt::MakeRangeOp::create(builder_, location_, line, uint32_t(0), uint32_t(length));
    auto wide = RankedTensorType::get({length}, builder_.getI64Type());
    range = arith::ExtSIOp::create(builder_, location_, wide, range);
    Value start = tt::SplatOp::create(builder_, location_, wide, parts_.offset(d));
    Value result = arith::AddIOp::create(builder_, location_, range, start);
    for (size_t axis = 0; axis < parts_.rank; ++axis) {
      if (axis == d) continue;
      auto shape = llvm::to_vector(mlir::cast<RankedTensorType>(result.getType()).getShape());
      shape.insert(shape.begin() + axis, 1);
      result = tt::ExpandDimsOp::create(
          builder_, location_, RankedTensorType::get(shape, builder_.getI64Type()), result, uint32_t(axis));
    }
    return tt::BroadcastOp::create(builder_, location_, like(builder_.getI64Type()), result);
  }

  mlir::OpBuilder& builder_;
  mlir::Location location_;
  RankedTensorType block_;
  const Parts& parts_;
};

Value widen(mlir::OpBuilder& builder, mlir::Location location, Value offset) {
  return arith::ExtSIOp::create(builder, location, builder.getI64Type(), offset);
}

struct MakeBlock : mlir::OpConversionPattern<tt::MakeTensorPtrOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tt::MakeTensorPtrOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter& rewriter) const override {
    llvm::SmallVector<Value> parts{op.getBase()};
    llvm::append_range(parts, op.getShape());
    llvm::append_range(parts, op.getStrides());
    for (Value offset : op.getOffsets())
      parts.push_back(widen(rewriter, op.getLoc(), offset));
    rewriter.replaceOpWithMultiple(op, {ValueRange(parts)});
    return mlir::success();
  }
};

struct AdvanceBlock : mlir::OpConversionPattern<tt::AdvanceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tt::AdvanceOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter& rewriter) const override {
    Parts parts(adaptor.getPtr());
    auto moved = llvm::to_vector(parts.values);
    for (auto [d, offset] : llvm::enumerate(op.getOffsets()))
      moved[1 + 2 * parts.rank + d] =
          arith::AddIOp::create(rewriter, op.getLoc(), parts.offset(d), widen(rewriter, op.getLoc(), offset));
    rewriter.replaceOpWithMultiple(op, {ValueRange(moved)});
    return mlir::success();
  }
};

struct LoadBlock : mlir::OpConversionPattern<tt::LoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tt::LoadOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter& rewriter) const override {
    RankedTensorType block = blockOf(op.getPtr().getType());
    if (!block) return mlir::failure();
    Parts parts(adaptor.getPtr());
    Tiles tiles(rewriter, op.getLoc(), block, parts);
    Value mask = tiles.mask(op.getBoundaryCheck());
    Value other = mask && op.getPadding() ? tiles.padding(*op.getPadding()) : Value();
    rewriter.replaceOpWithNewOp<tt::LoadOp>(op, block, tiles.pointers(), mask, other,
                                            llvm::ArrayRef<int32_t>(), tt::PaddingOptionAttr(), op.getCache(),
                                            op.getEvict(), op.getIsVolatile());
    return mlir::success();
  }
};

struct StoreBlock : mlir::OpConversionPattern<tt::StoreOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tt::StoreOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter& rewriter) const override {
    RankedTensorType block = blockOf(op.getPtr().getType());
    if (!block) return mlir::failure();
    Parts parts(adaptor.getPtr());
    Tiles tiles(rewriter, op.getLoc(), block, parts);
    Value mask = tiles.mask(op.getBoundaryCheck());
    rewriter.replaceOpWithNewOp<tt::StoreOp>(op, tiles.pointers(), op.getValue(), mask,
                                             llvm::ArrayRef<int32_t>(), op.getCache(), op.getEvict());
    return mlir::success();
  }
};

struct SelectBlock : mlir::OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(arith::SelectOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter& rewriter) const override {
    if (!blockOf(op.getType())) return mlir::failure();
    llvm::SmallVector<Value> parts;
    for (auto [yes, no] : llvm::zip_equal(adaptor.getTrueValue(), adaptor.getFalseValue()))
      parts.push_back(arith::SelectOp::create(rewriter, op.getLoc(), op.getCondition(), yes, no));
    rewriter.replaceOpWithMultiple(op, {ValueRange(parts)});
    return mlir::success();
  }
};

void setUpTypes(mlir::TypeConverter& types) {
  types.addConversion([](mlir::Type type) { return type; });
  types.addConversion(
      [](tt::PointerType type, llvm::SmallVectorImpl<mlir::Type>& parts) -> std::optional<LogicalResult> {
        RankedTensorType block = blockOf(type);
        if (!block) return std::nullopt;
        parts.push_back(tt::PointerType::get(block.getElementType(), type.getAddressSpace()));
        parts.append(3 * block.getRank(), mlir::IntegerType::get(type.getContext(), 64));
        return mlir::success();
      });
}

} // namespace

LogicalResult expandBlockPointers(mlir::ModuleOp module) {
  bool any = false;
  module.walk([&](tt::MakeTensorPtrOp) { any = true; });
  if (!any) return mlir::success();
  mlir::MLIRContext* context = module.getContext();
  context->getOrLoadDialect<mlir::scf::SCFDialect>();
  mlir::TypeConverter types;
  setUpTypes(types);
  mlir::RewritePatternSet patterns(context);
  mlir::ConversionTarget target(*context);
  auto hasBlock = [](mlir::TypeRange range) {
    return llvm::any_of(range, [](mlir::Type t) { return !!blockOf(t); });
  };
  target.markUnknownOpDynamicallyLegal([&](mlir::Operation* op) {
    return !hasBlock(op->getOperandTypes()) && !hasBlock(op->getResultTypes());
  });
  mlir::scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns, target);
  patterns.add<MakeBlock, AdvanceBlock, LoadBlock, StoreBlock, SelectBlock>(types, context);
  return mlir::applyPartialConversion(module, target, std::move(patterns));
}

} // namespace tuned
