#include "backend/tileir/emit/op_table.h"

namespace tuned::tileir {

const OpTable& opTable() {
  static const OpTable table = [] {
    OpTable all;
    for (auto add : {addIntegers, addDivisions, addFloats, addCasts, addMath, addShapes, addMemory,
                     addAtomics, addDescriptors, addControl, addReductions, addExchanges, addDots})
      add(all);
    return all;
  }();
  return table;
}

} // namespace tuned::tileir
