// Scratch memory is live while its operation runs, so all could lie at offset 0. Small ones take turns in two
// places instead: an operation then need not wait for the readers of the one before.
#include "backend/nvptx/errors.h"
#include "backend/nvptx/op_table.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/IR/Builders.h>

namespace tuned::nvptx {
namespace {

constexpr uint32_t small = 2048, alignment = 16;

struct Need {
  mlir::Operation* op;
  uint32_t bytes;
};

} // namespace

Result<void> allocateShared(PassContext& context) {
  std::vector<Need> needs;
  context.function.walk([&](mlir::Operation* op) {
    auto row = opTable().find(op->getName().getStringRef());
    if (row == opTable().end() || !row->second.scratchBytes) return;
    if (uint32_t bytes = row->second.scratchBytes(*op))
      needs.push_back({op, llvm::alignTo<alignment>(bytes)});
  });
  uint32_t slot = 0;
  for (const Need& need : needs)
    if (need.bytes <= small) slot = std::max(slot, need.bytes);
  mlir::Builder builder(context.function.getContext());
  bool second = false;
  for (const Need& need : needs) {
    uint32_t offset = 0;
    if (need.bytes <= small) {
      offset = second ? slot : 0;
      second = !second;
    }
    need.op->setAttr("nv.scratch", builder.getI32IntegerAttr(static_cast<int32_t>(offset)));
    need.op->setAttr("nv.scratch_bytes", builder.getI32IntegerAttr(static_cast<int32_t>(need.bytes)));
    context.sharedBytes = std::max<int64_t>(context.sharedBytes, offset + need.bytes);
    if (context.sharedBytes > context.target.sharedLimit)
      return failAt(*need.op, ErrorKind::OutOfResources,
                    need.op->getName().getStringRef().str() + " takes " +
                        std::to_string(context.sharedBytes) + " bytes of shared memory; " +
                        context.target.name + " has " + std::to_string(context.target.sharedLimit) + " a CTA",
                    "use smaller tiles");
  }
  return {};
}

} // namespace tuned::nvptx
