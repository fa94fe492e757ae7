// Every operation's scratch memory gets its place by liveness (shared/place_buffers.h). Private memory lasts
// as long as the kernel and lies behind.
#include "backend/gpu/shared/place_buffers.h"
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/errors.h"
#include "backend/nvptx/passes/shared_memory.h"

#include <mlir/IR/Builders.h>
#include <mlir/Interfaces/ControlFlowInterfaces.h>

namespace tuned::nvptx {
namespace {

/// A multiprocessor of any target holds as many CTAs as it can with this much each, or all but as many: to
/// use it costs nothing, and barriers are saved.
constexpr uint32_t freeBytes = 4096;

/// The operation whose scratch reaches furthest.
mlir::Operation* furthest(const SharedModel& model, const SharedPlacement& placement) {
  size_t last = 0;
  auto end = [&](size_t buffer) { return placement.offsets[buffer] + model.program.buffers[buffer].bytes; };
  for (size_t buffer = 0; buffer < model.owners.size(); ++buffer)
    if (end(buffer) > end(last)) last = buffer;
  return model.owners[last];
}

/// A region of scalars, of a reduction say, is evaluated for many elements at once, and not by all threads
/// for the same: in there none can wait for others.
Result<void> refuseInScalarRegions(tt::FuncOp function) {
  Result<void> answer;
  function.walk([&](mlir::Operation* op) {
    if (!touchesShared(*op)) return mlir::WalkResult::advance();
    mlir::Operation* parent = op->getParentOp();
    while (mlir::isa<mlir::RegionBranchOpInterface>(parent))
      parent = parent->getParentOp();
    if (parent == function) return mlir::WalkResult::advance();
    answer = unsupported(*op, "threads wait for each other here, which they cannot in the region of a " +
                                  parent->getName().getStringRef().str());
    return mlir::WalkResult::interrupt();
  });
  return answer;
}

Result<void> checkLimit(const PassContext& context, mlir::Operation* op) {
  if (context.sharedBytes <= context.target.sharedLimit) return {};
  return failAt(*op, ErrorKind::OutOfResources,
                op->getName().getStringRef().str() + " takes " + std::to_string(context.sharedBytes) +
                    " bytes of shared memory; " + context.target.name + " has " +
                    std::to_string(context.target.sharedLimit) + " a CTA",
                "use smaller tiles");
}

} // namespace

int64_t scratchBytes(tt::FuncOp function) {
  return placeBuffers(sharedModel(function).program, freeBytes).bytes;
}

Result<void> allocateShared(PassContext& context) {
  if (auto checked = refuseInScalarRegions(context.function); !checked) return checked;
  SharedModel model = sharedModel(context.function);
  SharedPlacement placement = placeBuffers(model.program, freeBytes);
  for (size_t buffer = 0; buffer < model.owners.size(); ++buffer)
    setScratchOffset(*model.owners[buffer], placement.offsets[buffer]);
  context.sharedBytes = placement.bytes;
  if (!model.owners.empty())
    if (auto checked = checkLimit(context, furthest(model, placement)); !checked) return checked;
  std::vector<PrivateMemoryOp> memories;
  context.function.walk([&](PrivateMemoryOp memory) { memories.push_back(memory); });
  mlir::Builder builder(context.function.getContext());
  for (PrivateMemoryOp memory : memories) {
    auto offset = static_cast<int64_t>(llvm::alignTo<16>(static_cast<uint64_t>(context.sharedBytes)));
    memory->setAttr("nv.offset", builder.getI32IntegerAttr(static_cast<int32_t>(offset)));
    context.sharedBytes = offset + memory.getBytes();
    if (auto checked = checkLimit(context, memory); !checked) return checked;
  }
  return {};
}

} // namespace tuned::nvptx
