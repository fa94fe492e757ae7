#include "backend/nvptx/op_table.h"

namespace tuned::nvptx {

const OpTable& opTable() {
  static const OpTable table = [] {
    OpTable all;
    for (auto add : {addArithmetic, addMath, addViews, addMemory, addControl, addConvert})
      add(all);
    return all;
  }();
  return table;
}

} // namespace tuned::nvptx
