// gather and histogram: Tile IR has neither, so that every element is compared with every place. Small ones.
#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {
namespace {

/// Elements of the tile of comparisons: with four times as many the assembler takes ten seconds.
constexpr int64_t mostComparisons = 1 << 16;

/// Combines a tile along a dimension by one operation on scalars, with zero as its identity.
Value combined(Emitter& e, Value tile, int dim, Opcode opcode) {
  TypeId scalar = e.types.withShape(tile.type, {});
  TypeId arguments[] = {scalar, scalar};
  Values inside = e.code.beginRegion(arguments);
  Value both = opcode == Opcode::OrI ? e.either(inside[0], inside[1]) : e.add(inside[0], inside[1]);
  e.code.terminator(Opcode::Yield, {{both}});
  std::string region = e.code.endRegion();
  Shape shape = e.types.shape(tile.type);
  shape.erase(shape.begin() + dim);
  TypeId results[] = {e.types.withShape(tile.type, shape)};
  std::string identities[] = {elementBytes(e.scalarOf(tile), 0)};
  Value operands[] = {tile};
  return e.code.reduce(results, dim, identities, operands, region).front();
}

/// result[i…] = or over k of (indices[i…] == k ? bits of source[… k …] : 0)
Result<void> gather(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::GatherOp>(operation);
  Value source = e.of(op.getSrc()), indices = e.of(op.getIndices());
  if (e.types.isPointerTile(source.type) || e.scalarOf(source) == Scalar::I1)
    return unsupported(operation, "of pointers or single bits");
  auto axis = static_cast<size_t>(op.getAxis());
  Shape from = e.types.shape(source.type), out = e.types.shape(indices.type);
  // The tile of comparisons has the source's axis in front of the result's dimensions.
  Shape wide = out;
  wide.insert(wide.begin(), from[axis]);
  int64_t count = 1;
  for (int64_t size : wide)
    count *= size;
  for (size_t d = 0; d < out.size(); ++d)
    if (d != axis && from[d] != out[d]) return unsupported(operation, "indices narrower than the source");
  if (count > mostComparisons) return unsupported(operation, "of so many elements");

  Value bits = e.bitcast(source, integerOf(e.scalarOf(source)));
  std::vector<int32_t> order{static_cast<int32_t>(axis)};
  Shape moved{from[axis]}, spread{from[axis]};
  for (size_t d = 0; d < out.size(); ++d) {
    spread.push_back(d == axis ? 1 : out[d]);
    if (d == axis) continue;
    order.push_back(static_cast<int32_t>(d));
    moved.push_back(from[d]);
  }
  if (order.size() > 1) bits = e.code.permute(e.types.withShape(bits.type, moved), order, bits);
  bits = e.broadcast(e.reshape(bits, spread), wide);

  Value places = e.iota(from[axis]);
  TypeId index = e.types.withElement(places.type, e.scalarOf(indices));
  if (index != places.type)
    places =
        bitsOf(e.scalarOf(indices)) > 32 ? e.extend(places, index, Sign::Signed) : e.truncate(places, index);
  Shape column(wide.size(), 1), row = wide;
  column.front() = from[axis];
  row.front() = 1;
  Value equal = e.compare(Predicate::Equal, e.broadcast(e.reshape(places, column), wide),
                          e.broadcast(e.reshape(indices, row), wide));
  Value chosen = combined(e, e.select(equal, bits, e.bits(bits.type, 0)), 0, Opcode::OrI);
  e.set(op.getResult(), e.bitcast(chosen, e.scalarOf(source)));
  return {};
}

/// counts[b] = sum over i of (source[i] == b)
Result<void> histogram(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::HistogramOp>(operation);
  Value source = e.of(op.getSrc());
  TypeId counts = e.type(op.getResult().getType());
  int64_t elements = e.types.shape(source.type).front(), bins = e.types.shape(counts).front();
  if (elements * bins > mostComparisons) return unsupported(operation, "of so many elements and bins");
  if (e.scalarOf(source) != Scalar::I32 && e.scalarOf(source) != Scalar::I64)
    return unsupported(operation, "of narrow integers");
  Shape wide{elements, bins};
  Value places = e.iota(bins);
  if (e.scalarOf(source) == Scalar::I64)
    places = e.extend(places, e.types.withElement(places.type, Scalar::I64), Sign::Signed);
  Value equal = e.compare(Predicate::Equal, e.broadcast(e.reshape(source, {elements, 1}), wide),
                          e.broadcast(e.reshape(places, {1, bins}), wide));
  if (op.getMask()) equal = e.both(equal, e.broadcast(e.reshape(e.of(op.getMask()), {elements, 1}), wide));
  Value ones = e.extend(equal, e.types.tile(e.types.elementScalar(counts), wide), Sign::Unsigned);
  e.set(op.getResult(), combined(e, ones, 0, Opcode::AddI));
  return {};
}

} // namespace

void addExchanges(OpTable& table) {
  table["tt.gather"] = gather;
  table["tt.histogram"] = histogram;
}

} // namespace tuned::tileir
