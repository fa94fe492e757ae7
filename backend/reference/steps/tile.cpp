#include "backend/reference/steps/tile.h"
#include "backend/reference/steps/strides.h"

namespace tuned::reference {

Tile::Tile(const Lanes& lanes, const Type& type)
    : base(lanes[0]), kind(type.pointee), block(type.block), checked(type.block.size(), true) {
  size_t rank = type.block.size();
  for (size_t d = 0; d < rank; ++d) {
    shape.push_back(static_cast<int64_t>(lanes[1 + d]));
    strides.push_back(static_cast<int64_t>(lanes[1 + rank + d]));
  }
}

size_t Tile::elements() const {
  size_t count = 1;
  for (int64_t extent : block)
    count *= static_cast<size_t>(extent);
  return count;
}

uint64_t Tile::address(size_t element) const {
  std::vector<int64_t> at = coordinates(element, block);
  int64_t offset = 0;
  for (size_t d = 0; d < at.size(); ++d) {
    int64_t index = at[d] + offsets[d];
    if (checked[d] && (index < 0 || index >= shape[d])) return 0;
    offset += index * strides[d];
  }
  return base + static_cast<uint64_t>(offset * byteWidth(kind));
}

Lanes Tile::load(const Memory& memory, bool padNan) const {
  Lanes lanes(elements(), padNan ? fromDouble(kind, __builtin_nan("")) : 0);
  for (size_t i = 0; i < lanes.size(); ++i)
    if (uint64_t from = address(i)) lanes[i] = loadLane(memory, from, kind);
  return lanes;
}

void Tile::store(Memory& memory, const Lanes& values) const {
  for (size_t i = 0; i < values.size(); ++i)
    if (uint64_t to = address(i)) memory.store(to, byteWidth(kind), values[i]);
}

} // namespace tuned::reference
