#include "backend/gpu/layout/conversion.h"
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/IR/Builders.h>

namespace tuned::nvptx {
namespace {

unsigned bytesOf(mlir::Value value) {
  return std::max(8u, tt::elementBits(tt::elementType(value.getType()))) / 8;
}

/// The conversion that makes `operand` for its only user, in the user's block and through shared memory.
ConvertLayoutOp exchanged(mlir::Value operand, mlir::Operation* user) {
  auto conversion = operand.getDefiningOp<ConvertLayoutOp>();
  if (!conversion || !operand.hasOneUse() || conversion->getBlock() != user->getBlock()) return {};
  Conversion plan = planConversion(*layoutOf(conversion.getSrc().getType()), *layoutOf(operand.getType()),
                                   bytesOf(operand));
  return std::holds_alternative<SharedExchange>(plan) ? conversion : ConvertLayoutOp();
}

} // namespace

Result<void> groupConversions(PassContext& context) {
  std::vector<tt::DotOp> dots;
  context.function.walk([&](tt::DotOp dot) { dots.push_back(dot); });
  for (tt::DotOp dot : dots) {
    ConvertLayoutOp a = exchanged(dot.getA(), dot), b = exchanged(dot.getB(), dot);
    if (!a || !b) continue;
    int64_t together = int64_t{a.getSrc().getType().getNumElements()} * bytesOf(a.getResult()) +
                       b.getSrc().getType().getNumElements() * bytesOf(b.getResult());
    if (together > context.target.sharedLimit) continue;
    mlir::OpBuilder builder(dot);
    auto both = ConvertLayoutsOp::create(builder, dot.getLoc(), mlir::TypeRange{a.getType(), b.getType()},
                                         mlir::ValueRange{a.getSrc(), b.getSrc()});
    a.getResult().replaceAllUsesWith(both.getResult(0));
    b.getResult().replaceAllUsesWith(both.getResult(1));
    a.erase();
    b.erase();
  }
  return {};
}

} // namespace tuned::nvptx
