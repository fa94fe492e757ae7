// Barriers where an operation accesses bytes that other threads may still be at (shared/place_barriers.h).
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/passes/shared_memory.h"
#include "backend/gpu/shared/place_barriers.h"

#include <mlir/IR/Builders.h>

namespace tuned::nvptx {

Result<void> insertBarriers(PassContext& context) {
  SharedModel model = sharedModel(context.function);
  SharedPlacement placement;
  for (mlir::Operation* owner : model.owners)
    placement.offsets.push_back(scratchOffset(*owner));
  for (uint32_t point : placeBarriers(model.program, placement)) {
    mlir::OpBuilder builder(model.inFront[point]);
    BarrierOp::create(builder, model.inFront[point]->getLoc());
  }
  return {};
}

} // namespace tuned::nvptx
