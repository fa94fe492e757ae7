#include "backend/nvptx/op_table.h"

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

} // namespace tuned::nvptx
