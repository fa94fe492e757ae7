// Scratch memory is live while its operation runs, so all could lie at offset 0. Small ones take turns in two
// places instead: an operation then need not wait for the readers of the one before. Private memory lasts and
// lies behind.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/errors.h"
#include "backend/nvptx/op_table.h"
#include "backend/nvptx/passes/pass.h"

#include <mlir/IR/Builders.h>

namespace tuned::nvptx {
namespace {

constexpr uint32_t small = 2048, alignment = 16;

struct Need {
  mlir::Operation* op;
  uint32_t bytes, offset = 0;
};

/// Needs in order, with their offsets; `total` gets the end of the last.
std::vector<Need> place(tt::FuncOp function, int64_t& total) {
  std::vector<Need> needs;
  function.walk([&](mlir::Operation* op) {
    auto row = opTable().find(op->getName().getStringRef());
    if (row == opTable().end() || !row->second.scratchBytes) return;
    if (uint32_t bytes = row->second.scratchBytes(*op))
      needs.push_back({op, llvm::alignTo<alignment>(bytes)});
  });
  uint32_t slot = 0;
  for (const Need& need : needs)
    if (need.bytes <= small) slot = std::max(slot, need.bytes);
  bool second = false;
  total = 0;
  for (Need& need : needs) {
    if (need.bytes <= small) {
      need.offset = second ? slot : 0;
      second = !second;
    }
    total = std::max<int64_t>(total, need.offset + need.bytes);
  }
  return needs;
}

Result<void> checkLimit(const PassContext& context, mlir::Operation& op) {
  if (context.sharedBytes <= context.target.sharedLimit) return {};
  return failAt(op, ErrorKind::OutOfResources,
                op.getName().getStringRef().str() + " takes " + std::to_string(context.sharedBytes) +
                    " bytes of shared memory; " + context.target.name + " has " +
                    std::to_string(context.target.sharedLimit) + " a CTA",
                "use smaller tiles");
}

} // namespace

int64_t scratchBytes(tt::FuncOp function) {
  int64_t total = 0;
  place(function, total);
  return total;
}

Result<void> allocateShared(PassContext& context) {
  mlir::Builder builder(context.function.getContext());
  auto number = [&](int64_t value) { return builder.getI32IntegerAttr(static_cast<int32_t>(value)); };
  int64_t total = 0;
  for (const Need& need : place(context.function, total)) {
    need.op->setAttr("nv.scratch", number(need.offset));
    need.op->setAttr("nv.scratch_bytes", number(need.bytes));
    context.sharedBytes = std::max<int64_t>(context.sharedBytes, need.offset + need.bytes);
    if (auto checked = checkLimit(context, *need.op); !checked) return checked;
  }
  std::vector<PrivateMemoryOp> memories;
  context.function.walk([&](PrivateMemoryOp memory) { memories.push_back(memory); });
  for (PrivateMemoryOp memory : memories) {
    int64_t offset = llvm::alignTo<alignment>(static_cast<uint64_t>(context.sharedBytes));
    memory->setAttr("nv.offset", number(offset));
    context.sharedBytes = offset + memory.getBytes();
    if (auto checked = checkLimit(context, *memory); !checked) return checked;
  }
  return {};
}

} // namespace tuned::nvptx
