#include "ir/transforms/truncate_dots.h"

#include "ir/dialect/Dialect.h"

#include <llvm/Support/MathExtras.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Builders.h>

namespace tuned {
namespace {

namespace arith = mlir::arith;
using mlir::RankedTensorType;
using mlir::Value;

/// The dot's left operand; null: it is no dot.
Value leftOf(mlir::Operation* op) {
  if (auto dot = mlir::dyn_cast<tt::DotOp>(op)) return dot.getA();
  if (auto scaled = mlir::dyn_cast<tt::DotScaledOp>(op)) return scaled.getA();
  return {};
}

/// Bits that a sum over `products` may lose when it is taken 16 at a time, each step by up to one.
unsigned lostBits(int64_t products) {
  constexpr int64_t atOnce = 16;
  return std::max(1u, llvm::Log2_64_Ceil(static_cast<uint64_t>(std::max<int64_t>(1, products / atOnce))));
}

void truncate(Value sum, unsigned bits) {
  auto type = mlir::cast<RankedTensorType>(sum.getType());
  mlir::OpBuilder builder(sum.getContext());
  builder.setInsertionPointAfterValue(sum);
  mlir::Location at = sum.getLoc();
  auto asBits = type.clone(builder.getI32Type());
  auto raw = arith::BitcastOp::create(builder, at, asBits, sum);
  const llvm::APInt mask = llvm::APInt::getHighBitsSet(32, 32 - bits);
  Value kept = arith::ConstantOp::create(builder, at, mlir::DenseElementsAttr::get(asBits, mask));
  Value cut = arith::AndIOp::create(builder, at, raw, kept);
  Value back = arith::BitcastOp::create(builder, at, type, cut);
  sum.replaceAllUsesExcept(back, raw);
}

} // namespace

int truncateDots(mlir::ModuleOp module) {
  llvm::SmallVector<std::pair<Value, unsigned>> dots;
  module.walk([&](mlir::Operation* op) {
    Value left = leftOf(op);
    if (!left) return;
    Value sum = op->getResult(0);
    if (!mlir::cast<RankedTensorType>(sum.getType()).getElementType().isF32()) return;
    dots.emplace_back(sum, lostBits(mlir::cast<RankedTensorType>(left.getType()).getShape().back()));
  });
  for (auto [sum, bits] : dots)
    truncate(sum, bits);
  return static_cast<int>(dots.size());
}

} // namespace tuned
