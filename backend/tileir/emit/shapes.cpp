// Making and reshaping tiles.
#include "backend/tileir/emit/emitter.h"
#include "backend/tileir/emit/memory/clusters.h"

namespace tuned::tileir {
namespace {

Result<void> range(Emitter& e, mlir::Operation& op) {
  auto make = mlir::cast<tt::MakeRangeOp>(op);
  Value values = e.iota(static_cast<int64_t>(make.getEnd()) - make.getStart());
  if (make.getStart() != 0)
    values = e.add(values, e.integer(values.type, static_cast<int32_t>(make.getStart())));
  e.set(op.getResult(0), values);
  return {};
}

Shape shapeOf(mlir::Type type) {
  return Shape(tt::shapeOf(type));
}

Result<void> splat(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.splat(e.of(op.getOperand(0)), shapeOf(op.getResult(0).getType())));
  return {};
}

/// unsplat, expand_dims, reshape: the same elements in the same order.
Result<void> reshape(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.reshape(e.of(op.getOperand(0)), shapeOf(op.getResult(0).getType())));
  return {};
}

Result<void> broadcast(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.broadcast(e.of(op.getOperand(0)), shapeOf(op.getResult(0).getType())));
  return {};
}

Result<void> transpose(Emitter& e, mlir::Operation& op) {
  auto order = mlir::cast<tt::TransOp>(op).getOrder();
  e.set(op.getResult(0), e.code.permute(e.type(op.getResult(0).getType()), {order.begin(), order.end()},
                                        e.of(op.getOperand(0))));
  return {};
}

Result<void> concatenate(Emitter& e, mlir::Operation& op) {
  e.set(op.getResult(0), e.code.op(Opcode::Cat, e.type(op.getResult(0).getType()), {0},
                                   {e.of(op.getOperand(0)), e.of(op.getOperand(1))}));
  return {};
}

Result<void> join(Emitter& e, mlir::Operation& op) {
  Shape shape = shapeOf(op.getOperand(0).getType());
  auto last = static_cast<uint8_t>(shape.size());
  shape.push_back(1);
  Value left = e.reshape(e.of(op.getOperand(0)), shape), right = e.reshape(e.of(op.getOperand(1)), shape);
  e.set(op.getResult(0), e.code.op(Opcode::Cat, e.type(op.getResult(0).getType()), {last}, {left, right}));
  return {};
}

Result<void> split(Emitter& e, mlir::Operation& op) {
  if (std::string why = splitRefusal(e.options, mlir::cast<tt::SplitOp>(op)); !why.empty())
    return unsupported(op, why);
  Value source = e.of(op.getOperand(0));
  Shape shape = shapeOf(op.getOperand(0).getType());
  shape.back() = 1;
  TypeId half = e.types.withShape(source.type, shape);
  TypeId i32 = e.types.tile(Scalar::I32);
  for (unsigned side : {0u, 1u}) {
    Values indices;
    for (size_t d = 0; d < shape.size(); ++d)
      indices.push_back(e.integer(i32, d + 1 == shape.size() ? side : 0));
    Value part = e.code.extract(half, source, indices);
    e.set(op.getResult(side), e.reshape(part, shapeOf(op.getResult(side).getType())));
  }
  return {};
}

} // namespace

void addShapes(OpTable& table) {
  table["tt.make_range"] = range;
  table["tt.splat"] = splat;
  table["tt.unsplat"] = reshape;
  table["tt.expand_dims"] = reshape;
  table["tt.reshape"] = reshape;
  table["tt.broadcast"] = broadcast;
  table["tt.trans"] = transpose;
  table["tt.cat"] = concatenate;
  table["tt.join"] = join;
  table["tt.split"] = split;
}

} // namespace tuned::tileir
