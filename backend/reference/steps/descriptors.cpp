// Tensor descriptors as pointers and bounds. Reads beyond the shape give padding, writes there are dropped.
#include "backend/reference/steps/atomics.h"
#include "backend/reference/steps/map.h"
#include "backend/reference/steps/tile.h"

namespace tuned::reference {
namespace {

/// Lanes: base, shape, strides, then 1 where padding is NaN.
Step makeDescriptor(const Operation& op) {
  bool nan = op.integer("padding", 1) == 2;
  return [=, operands = op.operands, types = op.operandTypes, r = op.results[0]](Frame& frame) {
    Lanes lanes;
    for (size_t i = 0; i < operands.size(); ++i)
      lanes.push_back(i ? static_cast<uint64_t>(signedValue(types[i].kind, frame[operands[i]][0]))
                        : frame[operands[i]][0]);
    lanes.push_back(nan);
    frame[r] = std::move(lanes);
  };
}

/// The tile at the indices, which are the operands from `first` on.
Tile tileAt(Frame& frame, const Operation& op, size_t first) {
  Tile tile(frame[op.operands[0]], op.operandTypes[0]);
  for (size_t i = first; i < first + tile.block.size(); ++i)
    tile.offsets.push_back(signedValue(op.operandTypes[i].kind, frame[op.operands[i]][0]));
  return tile;
}

Step descriptorLoad(const Operation& op) {
  return [op](Frame& frame) {
    bool nan = frame[op.operands[0]].back() != 0;
    frame[op.results[0]] = tileAt(frame, op, 1).load(frame.machine.memory, nan);
  };
}
Step descriptorStore(const Operation& op) {
  return [op](Frame& frame) { tileAt(frame, op, 2).store(frame.machine.memory, frame[op.operands[1]]); };
}

Step descriptorReduce(const Operation& op) {
  constexpr Rmw kNumbered[] = {Rmw::Exchange,  Rmw::Add, Rmw::Min, Rmw::Max, Rmw::Increment,
                               Rmw::Decrement, Rmw::And, Rmw::Or,  Rmw::Xor};
  int64_t number = op.integer("kind", 0);
  if (number < 1 || number > 8) unsupported(op, "an unknown reduction");
  Rmw rmw = kNumbered[number];
  if (op.operandTypes[0].isUnsigned && rmw == Rmw::Min) rmw = Rmw::UnsignedMin;
  if (op.operandTypes[0].isUnsigned && rmw == Rmw::Max) rmw = Rmw::UnsignedMax;
  return [op, rmw](Frame& frame) {
    Tile tile = tileAt(frame, op, 2);
    Memory& memory = frame.machine.memory;
    const Lanes& values = frame[op.operands[1]];
    for (size_t i = 0; i < values.size(); ++i)
      if (uint64_t at = tile.address(i)) {
        uint64_t old = loadLane(memory, at, tile.kind);
        memory.store(at, byteWidth(tile.kind), combineAtomically(rmw, tile.kind, old, values[i]));
      }
  };
}

/// Calls `visit` with the tile of every row that the row indices name, and the row's number.
template <typename F> void forRows(Frame& frame, const Operation& op, F visit) {
  const Lanes rows = frame[op.operands[1]];
  for (size_t row = 0; row < rows.size(); ++row) {
    Tile tile(frame[op.operands[0]], op.operandTypes[0]);
    tile.offsets = {signedValue(op.operandTypes[1].kind, rows[row]),
                    signedValue(op.operandTypes[2].kind, frame[op.operands[2]][0])};
    visit(tile, row);
  }
}

Step descriptorGather(const Operation& op) {
  return [op](Frame& frame) {
    bool nan = frame[op.operands[0]].back() != 0;
    Lanes gathered;
    forRows(frame, op, [&](const Tile& tile, size_t) {
      Lanes line = tile.load(frame.machine.memory, nan);
      gathered.insert(gathered.end(), line.begin(), line.end());
    });
    frame[op.results[0]] = std::move(gathered);
  };
}
Step descriptorScatter(const Operation& op) {
  return [op](Frame& frame) {
    const Lanes& values = frame[op.operands[3]];
    forRows(frame, op, [&](const Tile& tile, size_t row) {
      auto from = values.begin() + static_cast<std::ptrdiff_t>(row * tile.elements());
      tile.store(frame.machine.memory, Lanes(from, from + static_cast<std::ptrdiff_t>(tile.elements())));
    });
  };
}

} // namespace

void addDescriptors(StepTable& t) {
  t["tt.make_tensor_descriptor"] = makeDescriptor;
  for (const char* prefix : {"tt.", "tt.experimental_"}) {
    std::string p = prefix;
    t[p + "descriptor_load"] = descriptorLoad;
    t[p + "descriptor_store"] = descriptorStore;
    t[p + "descriptor_reduce"] = descriptorReduce;
    t[p + "descriptor_gather"] = descriptorGather;
    t[p + "descriptor_scatter"] = descriptorScatter;
  }
}

} // namespace tuned::reference
