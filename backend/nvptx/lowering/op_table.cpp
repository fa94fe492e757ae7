#include "backend/nvptx/lowering/op_table.h"

#include <mlir/IR/Operation.h>

namespace tuned::nvptx {

const OpTable& opTable() {
  static const OpTable table = [] {
    OpTable all;
    for (auto add : {addArithmetic, addMath, addViews, addMemory, addControl, addConvert, addReductions,
                     addScans, addExchanges, addOutput, addConversions, addDot, addAtomics, addInline,
                     addDescriptors, addPrivateCopies})
      add(all);
    return all;
  }();
  return table;
}

uint32_t scratchBytes(mlir::Operation& op) {
  auto row = opTable().find(op.getName().getStringRef());
  return row == opTable().end() || !row->second.scratchBytes ? 0 : row->second.scratchBytes(op);
}

SharedPhases sharedPhases(mlir::Operation& op) {
  auto row = opTable().find(op.getName().getStringRef());
  if (row != opTable().end() && row->second.sharedPhases) return row->second.sharedPhases(op);
  if (scratchBytes(op) == 0) return {{}};
  return {{{.writes = true}}, {{.reads = true}}};
}

} // namespace tuned::nvptx
