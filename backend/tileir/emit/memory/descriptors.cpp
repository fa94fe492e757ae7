// Tensor descriptors. A block whose place is known to be inside the tensor is read and written through a
// view, any other through pointers and masks: Tile IR leaves views outside undefined where tt has padding.
#include "backend/tileir/emit/memory/atomics.h"
#include "backend/tileir/emit/memory/memory.h"
#include "backend/tileir/emit/memory/views.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

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

/// Only floats have NaN; other elements are zero outside.
bool padsWithNan(mlir::Value descriptor) {
  auto maker = makerOf(descriptor);
  mlir::Type element = mlir::cast<tt::TensorDescType>(descriptor.getType()).getBlockType().getElementType();
  return maker && mlir::isa<mlir::FloatType>(element) && maker.getPadding() == tt::PaddingOption::PAD_NAN;
}

/// A size or stride of a descriptor: a number that is known, or an argument that a launch can be asked about.
struct Measure {
  std::optional<int64_t> known;
  std::optional<int> argument;
};

Measure measureOf(Emitter& e, mlir::Value value) {
  if (auto known = e.facts.of(value).constant) return {known, {}};
  if (auto facts = e.grid.of(value); facts && facts->constant()) return {facts->constant(), {}};
  if (auto wide = value.getDefiningOp<mlir::arith::ExtSIOp>()) value = wide.getIn();
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
  bool given = argument && mlir::isa<tt::FuncOp>(argument.getOwner()->getParentOp());
  return given ? Measure{{}, static_cast<int>(argument.getArgNumber())} : Measure{};
}

/// The d-th size and stride. A host descriptor's are the arguments that follow it.
std::pair<Measure, Measure> measuresOf(Emitter& e, const Tensor& tensor, size_t d) {
  if (auto maker = makerOf(tensor.value))
    return {measureOf(e, maker.getShape()[d]), measureOf(e, maker.getStrides()[d])};
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(tensor.value);
  if (!argument || !mlir::isa<tt::FuncOp>(argument.getOwner()->getParentOp())) return {};
  int first = static_cast<int>(argument.getArgNumber() + 1 + d);
  return {Measure{{}, first}, Measure{{}, first + static_cast<int>(tensor.rank)}};
}

/// The greatest start of a block along one dimension, in any program; null where one may be negative.
std::optional<int64_t> lastStart(Emitter& e, mlir::Value index, mlir::Operation* access) {
  auto form = e.grid.linear(index);
  if (auto facts = e.grid.of(form, access); facts && tt::fits(*facts, index.getType()))
    return facts->lower >= 0 ? std::optional(facts->upper) : std::nullopt;
  const tt::AxisInfo& info = e.facts.of(index);
  return info.lower && *info.lower >= 0 ? info.upper : std::nullopt;
}

/// What a view needs of a descriptor, gathered before any of it is asked of the launch.
class Requirements {
public:
  void add(LaunchCondition::Kind kind, int argument, int64_t value) {
    list_.push_back({.kind = kind, .argument = argument, .value = value});
  }
  void commit(Emitter& e) const {
    for (const LaunchCondition& condition : list_)
      e.require(condition);
  }

private:
  std::vector<LaunchCondition> list_;
};

/// Whether the tensor reaches beyond the last start of a block, if the launch keeps to `needs`.
bool reaches(const Measure& size, int64_t last, Requirements& needs) {
  if (size.known) return last < *size.known;
  if (!size.argument || last >= INT32_MAX) return false;
  needs.add(LaunchCondition::Kind::AtLeast, *size.argument, last + 1);
  return true;
}

/// Whether a stride is one that the copy engine takes: rows of whole 16 bytes, elements side by side.
bool servesAsStride(const Measure& stride, bool last, int64_t elementBytes, Requirements& needs) {
  constexpr int64_t rowAlignment = 16;
  if (stride.known)
    return *stride.known > 0 &&
           (last ? *stride.known == 1 : *stride.known * elementBytes % rowAlignment == 0);
  if (!stride.argument) return false;
  if (last) {
    needs.add(LaunchCondition::Kind::Equal, *stride.argument, 1);
    return true;
  }
  needs.add(LaunchCondition::Kind::Divisible, *stride.argument,
            std::max<int64_t>(1, rowAlignment / elementBytes));
  needs.add(LaunchCondition::Kind::AtLeast, *stride.argument, 1);
  needs.add(LaunchCondition::Kind::AtMost, *stride.argument, INT32_MAX);
  return true;
}

/// The view of a block, where one serves: it starts inside the tensor in every program, and the copy engine
/// takes the strides. What the code does not say of sizes and strides that are arguments is asked of the
/// launch.
std::optional<Value> viewOf(Emitter& e, const Tensor& tensor, mlir::ValueRange indices,
                            mlir::Operation* access) {
  ViewShape view{.base = tensor.base};
  Requirements needs;
  auto elementBytes = static_cast<int64_t>((tt::elementBits(tensor.block) + 7) / 8);
  constexpr int64_t alignment = 16;
  if (!makerOf(tensor.value)) {
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(tensor.value);
    if (!argument) return std::nullopt;
    needs.add(LaunchCondition::Kind::Divisible, static_cast<int>(argument.getArgNumber()), alignment);
  }
  for (size_t d = 0; d < tensor.rank; ++d) {
    bool last = d + 1 == tensor.rank;
    auto [size, stride] = measuresOf(e, tensor, d);
    auto start = lastStart(e, indices[d], access);
    if (!start || !reaches(size, *start, needs) || !servesAsStride(stride, last, elementBytes, needs))
      return std::nullopt;
    view.sizes.push_back({size.known, tensor.sizes[d]});
    bool unit = last && !stride.known;
    view.strides.push_back({unit ? std::optional<int64_t>(1) : stride.known, tensor.strides[d]});
    if (!last && !stride.known) {
      // As 32 bits, which the launch keeps to, the number lets the copy engine serve.
      TypeId i32 = e.types.tile(Scalar::I32);
      Value narrow = tensor.strides[d].type == i32 ? tensor.strides[d] : e.truncate(tensor.strides[d], i32);
      view.strides.back().value =
          e.code.assumeDivisible(narrow, std::max<int64_t>(1, alignment / elementBytes));
    }
    view.tile.push_back(static_cast<int32_t>(tensor.block.getDimSize(static_cast<int64_t>(d))));
    view.steps.push_back(1);
  }
  if (!makerOf(tensor.value)) view.base = e.code.assumeDivisible(tensor.base, alignment);
  needs.commit(e);
  view.padding = padsWithNan(tensor.value) ? Padding::Nan : Padding::Zero;
  return makeView(e, view);
}

Value paddingOf(Emitter& e, const Tensor& tensor, TypeId type) {
  return padsWithNan(tensor.value) ? e.real(type, std::numeric_limits<double>::quiet_NaN()) : e.bits(type, 0);
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
    Access access{.token = tokenFor(e, op), .latency = latencyFor(e, block)};
    auto [value, token] = e.code.loadView(block, *view, starts, access);
    keepToken(e, op, token);
    tile = value;
  } else {
    auto [pointers, mask] = blockAt(e, tensor, starts);
    tile = loadInOrder(e, op, block, pointers, {.mask = mask, .padding = paddingOf(e, tensor, block)});
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
    Access access{.token = tokenFor(e, op)};
    keepToken(e, op, e.code.storeView(*view, starts, tile, access));
    return {};
  }
  auto [pointers, mask] = blockAt(e, tensor, starts);
  storeInOrder(e, op, pointers, tile, {.mask = mask});
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
        loadInOrder(e, op, type, pointers, {.mask = mask, .padding = paddingOf(e, tensor, type)}));
  return {};
}

Result<void> scatter(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DescriptorScatterOp>(operation);
  Tensor tensor(e, op.getDesc());
  if (tensor.rank != 2) return unsupported(operation, "of other than rows");
  Value tile = e.of(op.getSrc());
  auto [pointers, mask] =
      rowsAt(e, tensor, e.of(op.getXOffsets()), e.of(op.getYOffset()), Shape(e.types.shape(tile.type)));
  storeInOrder(e, op, pointers, tile, {.mask = mask});
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
