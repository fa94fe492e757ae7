// Tensor descriptors. A block whose place is known to be inside the tensor is read and written through a
// view, any other through pointers and masks: Tile IR leaves views outside undefined where tt has padding.
#include "backend/tileir/emit/atomics.h"
#include "backend/tileir/emit/memory.h"
#include "backend/tileir/emit/views.h"

namespace tuned::tileir {
namespace {

/// A descriptor's parts by name.
struct Tensor {
  Tensor(Emitter& e, mlir::Value descriptor)
      : value(descriptor), block(mlir::cast<tt::TensorDescType>(descriptor.getType()).getBlockType()),
        rank(static_cast<size_t>(block.getRank())), base(e.parts(descriptor).front()),
        sizes(std::span(e.parts(descriptor)).subspan(1, rank)),
        strides(std::span(e.parts(descriptor)).subspan(1 + rank, rank)) {}
  mlir::Value value;
  mlir::RankedTensorType block;
  size_t rank;
  Value base;
  std::span<const Value> sizes, strides;
};

tt::MakeTensorDescOp makerOf(mlir::Value descriptor) {
  return descriptor.getDefiningOp<tt::MakeTensorDescOp>();
}

bool padsWithNan(mlir::Value descriptor) {
  auto maker = makerOf(descriptor);
  return maker && maker.getPadding() == tt::PaddingOption::PAD_NAN;
}

/// Bounds of an index wherever the access runs: from the programs of the grid, else from the code alone.
std::optional<std::pair<int64_t, int64_t>> boundsOf(Emitter& e, mlir::Value index, mlir::Operation* access) {
  if (auto facts = e.grid.of(index, access)) return std::pair(facts->lower, facts->upper);
  const tt::AxisInfo& info = e.facts.of(index);
  if (info.lower && info.upper) return std::pair(*info.lower, *info.upper);
  return std::nullopt;
}

/// Whether a block at these indices starts inside the tensor, whatever the program.
bool startsInside(Emitter& e, tt::MakeTensorDescOp maker, mlir::ValueRange indices, mlir::Operation* access) {
  for (auto [index, size] : llvm::zip(indices, maker.getShape())) {
    auto place = boundsOf(e, index, access), length = boundsOf(e, size, maker);
    if (!place || !length || place->first < 0 || place->second >= length->first) return false;
  }
  return true;
}

/// The view of a block, where one serves: sizes and strides that are known (the last stride 1), rows of whole
/// 16 bytes as the copy engine wants them.
std::optional<Value> viewOf(Emitter& e, const Tensor& tensor, mlir::ValueRange indices,
                            mlir::Operation* access) {
  auto maker = makerOf(tensor.value);
  if (!maker || !startsInside(e, maker, indices, access)) return std::nullopt;
  ViewShape view{.base = tensor.base};
  auto elementBytes = static_cast<int64_t>((tt::elementBits(tensor.block) + 7) / 8);
  constexpr int64_t rowAlignment = 16;
  for (size_t d = 0; d < tensor.rank; ++d) {
    auto size = e.facts.of(maker.getShape()[d]).constant, stride = e.facts.of(maker.getStrides()[d]).constant;
    bool last = d + 1 == tensor.rank;
    if (!size || !stride || *size <= 0 || *stride <= 0) return std::nullopt;
    if (last ? *stride != 1 : *stride * elementBytes % rowAlignment != 0) return std::nullopt;
    view.sizes.push_back({size, {}});
    view.strides.push_back({stride, {}});
    view.tile.push_back(static_cast<int32_t>(tensor.block.getDimSize(static_cast<int64_t>(d))));
    view.steps.push_back(1);
  }
  view.padding = padsWithNan(tensor.value) ? Padding::Nan : Padding::Zero;
  return makeView(e, view);
}

Value paddingOf(Emitter& e, const Tensor& tensor, TypeId type) {
  bool nan = padsWithNan(tensor.value) && isFloat(e.types.elementScalar(type));
  return nan ? e.real(type, std::numeric_limits<double>::quiet_NaN()) : e.bits(type, 0);
}

/// index + 0, 1, … along dimension d of the block, as i64.
Value coordinate(Emitter& e, Value start, const Shape& shape, size_t d) {
  Shape line(shape.size(), 1);
  line[d] = shape[d];
  TypeId wide = e.types.tile(Scalar::I64, line);
  Value inside = e.extend(e.reshape(e.iota(shape[d]), line), wide, Sign::Signed);
  Value from = start.type == e.types.tile(Scalar::I64)
                   ? start
                   : e.extend(start, e.types.tile(Scalar::I64), Sign::Signed);
  return e.add(e.splat(from, line), inside);
}

PointerBlock blockAt(Emitter& e, const Tensor& tensor, std::span<const Value> starts) {
  Shape shape(tensor.block.getShape());
  Values coordinates;
  for (size_t d = 0; d < tensor.rank; ++d)
    coordinates.push_back(coordinate(e, starts[d], shape, d));
  return pointerBlock(e, tensor.base, tensor.sizes, tensor.strides, coordinates, shape);
}

/// Rows that are looked up: i-th row of the block is row `rows[i]` of the tensor.
PointerBlock rowsAt(Emitter& e, const Tensor& tensor, Value rows, Value column, const Shape& shape) {
  Shape line{shape[0], 1};
  TypeId wide = e.types.tile(Scalar::I64, line);
  Value row = e.reshape(rows, line);
  if (row.type != wide) row = e.extend(row, wide, Sign::Signed);
  Value coordinates[] = {row, coordinate(e, column, shape, 1)};
  return pointerBlock(e, tensor.base, tensor.sizes, tensor.strides, coordinates, shape);
}

Result<void> make(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::MakeTensorDescOp>(operation);
  Values parts{e.of(op.getBase())};
  for (mlir::ValueRange extents : {op.getShape(), op.getStrides()})
    for (mlir::Value extent : extents)
      parts.push_back(e.of(extent));
  e.setParts(op.getResult(), std::move(parts));
  return {};
}

Result<void> load(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorLoadOp>(operation);
  Tensor tensor(e, op.getDesc());
  TypeId result = e.type(op.getResult().getType());
  TypeId block = e.types.withShape(result, Shape(tensor.block.getShape()));
  Values starts = e.flattened(op.getIndices());
  Value tile;
  if (auto view = viewOf(e, tensor, op.getIndices(), op)) {
    constexpr Effects effect{.reads = true};
    Access access{.token = e.tokens.before(effect), .latency = e.options.latency};
    auto [value, token] = e.code.loadView(block, *view, starts, access);
    e.tokens.after(effect, token);
    tile = value;
  } else {
    auto [pointers, mask] = blockAt(e, tensor, starts);
    tile = loadInOrder(e, block, pointers, {.mask = mask, .padding = paddingOf(e, tensor, block)});
  }
  e.set(op.getResult(), e.reshape(tile, e.types.shape(result)));
  return {};
}

Result<void> store(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorStoreOp>(operation);
  Tensor tensor(e, op.getDesc());
  Values starts = e.flattened(op.getIndices());
  Value tile = e.reshape(e.of(op.getSrc()), Shape(tensor.block.getShape()));
  if (auto view = viewOf(e, tensor, op.getIndices(), op)) {
    constexpr Effects effect{.writes = true};
    Access access{.token = e.tokens.before(effect)};
    e.tokens.after(effect, e.code.storeView(*view, starts, tile, access));
    return {};
  }
  auto [pointers, mask] = blockAt(e, tensor, starts);
  storeInOrder(e, pointers, tile, {.mask = mask});
  return {};
}

std::optional<Rmw> modeOf(tt::DescriptorReduceKind kind, mlir::Type element) {
  bool isUnsigned = element.isUnsignedInteger();
  switch (kind) {
  case tt::DescriptorReduceKind::ADD:
    return mlir::isa<mlir::FloatType>(element) ? Rmw::AddF : Rmw::Add;
  case tt::DescriptorReduceKind::MIN:
    return isUnsigned ? Rmw::UMin : Rmw::Min;
  case tt::DescriptorReduceKind::MAX:
    return isUnsigned ? Rmw::UMax : Rmw::Max;
  case tt::DescriptorReduceKind::AND:
    return Rmw::And;
  case tt::DescriptorReduceKind::OR:
    return Rmw::Or;
  case tt::DescriptorReduceKind::XOR:
    return Rmw::Xor;
  default:
    return std::nullopt;
  }
}

/// Element by element: the order among the elements is open.
Result<void> reduce(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorReduceOp>(operation);
  Tensor tensor(e, op.getDesc());
  auto mode = modeOf(op.getKind(), tensor.block.getElementType());
  if (!mode) return unsupported(operation, "this update");
  Value tile = e.reshape(e.of(op.getSrc()), Shape(tensor.block.getShape()));
  if (std::string why = atomicRefusal(e, *mode, e.scalarOf(tile)); !why.empty())
    return unsupported(operation, why);
  auto [pointers, mask] = blockAt(e, tensor, e.flattened(op.getIndices()));
  updateInOrder(e, *mode, pointers, tile, {.order = Order::Relaxed, .mask = mask});
  return {};
}

Result<void> gather(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorGatherOp>(operation);
  Tensor tensor(e, op.getDesc());
  if (tensor.rank != 2) return unsupported(operation, "of other than rows");
  TypeId type = e.type(op.getResult().getType());
  auto [pointers, mask] =
      rowsAt(e, tensor, e.of(op.getXOffsets()), e.of(op.getYOffset()), Shape(e.types.shape(type)));
  e.set(op.getResult(),
        loadInOrder(e, type, pointers, {.mask = mask, .padding = paddingOf(e, tensor, type)}));
  return {};
}

Result<void> scatter(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorScatterOp>(operation);
  Tensor tensor(e, op.getDesc());
  if (tensor.rank != 2) return unsupported(operation, "of other than rows");
  Value tile = e.of(op.getSrc());
  auto [pointers, mask] =
      rowsAt(e, tensor, e.of(op.getXOffsets()), e.of(op.getYOffset()), Shape(e.types.shape(tile.type)));
  storeInOrder(e, pointers, tile, {.mask = mask});
  return {};
}

} // namespace

void addDescriptors(OpTable& table) {
  table["tt.make_tensor_descriptor"] = make;
  table["tt.descriptor_load"] = load;
  table["tt.descriptor_store"] = store;
  table["tt.descriptor_reduce"] = reduce;
  table["tt.descriptor_gather"] = gather;
  table["tt.descriptor_scatter"] = scatter;
}

} // namespace tuned::tileir
