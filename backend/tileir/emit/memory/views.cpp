#include "backend/tileir/emit/memory/views.h"

#include <numeric>

namespace tuned::tileir {
namespace {

/// A scalar of 32 bits.
Value narrowed(Emitter& e, Value value) {
  TypeId i32 = e.types.tile(Scalar::I32);
  return value.type == i32 ? value : e.truncate(value, i32);
}

Shape dimensions(Emitter& e, const std::vector<Extent>& extents, Values& operands) {
  Shape shape;
  for (const Extent& extent : extents) {
    shape.push_back(extent.known.value_or(dynamicSize));
    if (!extent.known) operands.push_back(narrowed(e, extent.value));
  }
  return shape;
}

} // namespace

Value makeView(Emitter& e, const ViewShape& view) {
  Values sizes, strides;
  Shape sizeList = dimensions(e, view.sizes, sizes), strideList = dimensions(e, view.strides, strides);
  TypeId element = e.types.info(e.types.element(view.base.type)).element;
  TypeId tensor = e.types.tensorView(element, sizeList, strideList);
  Value whole = e.code.makeTensorView(tensor, view.base, sizes, strides);
  std::vector<int32_t> order = view.order;
  if (order.empty()) {
    order.resize(view.tile.size());
    std::iota(order.begin(), order.end(), 0);
  }
  if (view.steps.empty())
    return e.code.makePartitionView(e.types.partitionView(tensor, view.tile, order, view.padding), whole);
  return e.code.makeStridedView(e.types.stridedView(tensor, view.tile, view.steps, order, view.padding),
                                whole);
}

PointerBlock pointerBlock(Emitter& e, Value base, std::span<const Value> sizes,
                          std::span<const Value> strides, std::span<const Value> coordinates,
                          const Shape& shape) {
  TypeId i64 = e.types.tile(Scalar::I64);
  Value offsets, mask;
  for (size_t d = 0; d < shape.size(); ++d) {
    Value along = coordinates[d];
    const Shape narrow = e.types.shape(along.type);
    Value scaled = e.broadcast(e.mul(along, e.splat(strides[d], narrow)), shape);
    // Nothing is inside a negative size. As an unsigned number a negative coordinate is too large.
    Value size =
        e.signedOp(Opcode::MaxI, e.extend(sizes[d], i64, Sign::Signed), e.integer(i64, 0), Sign::Signed);
    Value inside =
        e.broadcast(e.compare(Predicate::Less, along, e.splat(size, narrow), Sign::Unsigned), shape);
    offsets = offsets ? e.add(offsets, scaled) : scaled;
    mask = mask ? e.both(mask, inside) : inside;
  }
  Value bases = e.splat(base, shape);
  return {e.code.op(Opcode::Offset, bases.type, {}, {bases, offsets}), mask};
}

} // namespace tuned::tileir
