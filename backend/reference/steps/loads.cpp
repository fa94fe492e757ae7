// Pointers, loads and stores, and block pointers (Triton up to 3.7).
#include "backend/reference/steps/map.h"
#include "backend/reference/steps/tile.h"

#include <algorithm>

namespace tuned::reference {
namespace {

Step addPointer(const Operation& op) {
  auto bytes = static_cast<uint64_t>(byteWidth(op.operandTypes[0].pointee));
  return mapBinary(op, [bytes, kind = op.operandTypes[1].kind](uint64_t pointer, uint64_t offset) {
    return pointer + bytes * static_cast<uint64_t>(signedValue(kind, offset));
  });
}

/// base, [shape], [strides], [offsets] as lanes of one value; `advance` adds to the offsets.
Step makeBlockPointer(const Operation& op) {
  return [operands = op.operands, types = op.operandTypes, r = op.results[0]](Frame& frame) {
    Lanes lanes;
    for (size_t i = 0; i < operands.size(); ++i)
      lanes.push_back(i ? static_cast<uint64_t>(signedValue(types[i].kind, frame[operands[i]][0]))
                        : frame[operands[i]][0]);
    frame[r] = std::move(lanes);
  };
}
Step advance(const Operation& op) {
  return [operands = op.operands, types = op.operandTypes, r = op.results[0]](Frame& frame) {
    Lanes lanes = frame[operands[0]];
    size_t rank = operands.size() - 1;
    for (size_t d = 0; d < rank; ++d)
      lanes[1 + 2 * rank + d] +=
          static_cast<uint64_t>(signedValue(types[d + 1].kind, frame[operands[d + 1]][0]));
    frame[r] = std::move(lanes);
  };
}

Tile blockTile(const Lanes& lanes, const Type& type, const std::vector<int64_t>& checked) {
  Tile tile(lanes, type);
  size_t rank = type.block.size();
  for (size_t d = 0; d < rank; ++d) {
    tile.offsets.push_back(static_cast<int64_t>(lanes[1 + 2 * rank + d]));
    tile.checked[d] = std::ranges::find(checked, static_cast<int64_t>(d)) != checked.end();
  }
  return tile;
}

std::vector<int64_t> checkedDimensions(const Operation& op) {
  return op.has("boundaryCheck") ? op.attributes.at("boundaryCheck").integers : std::vector<int64_t>{};
}

Step loadBlock(const Operation& op) {
  bool nan = op.integer("padding", 1) == 2;
  return [=, checked = checkedDimensions(op), x = op.operands[0], r = op.results[0],
          type = op.operandTypes[0]](Frame& frame) {
    frame[r] = blockTile(frame[x], type, checked).load(frame.machine.memory, nan);
  };
}
Step storeBlock(const Operation& op) {
  return [checked = checkedDimensions(op), x = op.operands[0], y = op.operands[1], type = op.operandTypes[0]](
             Frame& frame) { blockTile(frame[x], type, checked).store(frame.machine.memory, frame[y]); };
}

/// Lanes whose mask is false give `other`, or zero where the language leaves them open.
Step load(const Operation& op) {
  if (!op.operandTypes[0].block.empty()) return loadBlock(op);
  Kind kind = op.operandTypes[0].pointee;
  int maskSlot = op.operands.size() > 1 ? op.operands[1] : -1,
      other = op.operands.size() > 2 ? op.operands[2] : -1;
  return [=, x = op.operands[0], r = op.results[0]](Frame& frame) {
    const Lanes& pointers = frame[x];
    Lanes& out = frame[r];
    out.resize(pointers.size());
    for (size_t i = 0; i < pointers.size(); ++i) {
      if (maskSlot < 0 || frame[maskSlot][i])
        out[i] = loadLane(frame.machine.memory, pointers[i], kind);
      else
        out[i] = other < 0 ? 0 : frame[other][i];
    }
  };
}

Step store(const Operation& op) {
  if (!op.operandTypes[0].block.empty()) return storeBlock(op);
  Kind kind = op.operandTypes[0].pointee;
  int maskSlot = op.operands.size() > 2 ? op.operands[2] : -1;
  return [=, x = op.operands[0], y = op.operands[1]](Frame& frame) {
    const Lanes &pointers = frame[x], &values = frame[y];
    for (size_t i = 0; i < pointers.size(); ++i)
      if (maskSlot < 0 || frame[maskSlot][i])
        frame.machine.memory.store(pointers[i], byteWidth(kind), values[i]);
  };
}

} // namespace

void addMemory(StepTable& t) {
  t["tt.addptr"] = addPointer;
  t["tt.load"] = load;
  t["tt.store"] = store;
  t["tt.make_tensor_ptr"] = makeBlockPointer;
  t["tt.advance"] = advance;
}

} // namespace tuned::reference
