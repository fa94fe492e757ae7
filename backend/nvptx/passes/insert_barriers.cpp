// Barriers where an operation accesses bytes that other threads may still be at
// (gpu/shared/place_barriers.h): in shared memory, and in global memory where a tile is read and written in
// place.
#include "backend/gpu/shared/place_barriers.h"
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/passes/shared_memory.h"

#include <mlir/IR/Builders.h>

namespace tuned::nvptx {

Result<void> insertBarriers(PassContext& context) {
  GlobalMemory global(context.function);
  SharedModel model = sharedModel(context.function, global);
  SharedPlacement placement;
  for (mlir::Operation* owner : model.owners)
    placement.offsets.push_back(scratchOffset(*owner));
  auto shared = static_cast<uint32_t>(model.owners.size());
  auto meet = [&](uint32_t a, uint32_t b) {
    if (a >= shared && b >= shared) return global.conflict(a - shared, b - shared);
    return a < shared && b < shared && placement.overlap(model.program, a, b);
  };
  for (uint32_t point : placeBarriers(model.program, meet)) {
    mlir::OpBuilder builder(model.inFront[point]);
    BarrierOp::create(builder, model.inFront[point]->getLoc());
  }
  return {};
}

} // namespace tuned::nvptx
