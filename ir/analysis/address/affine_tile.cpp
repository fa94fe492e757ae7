#include "ir/analysis/address/affine_tile.h"

#include "ir/analysis/program_domain.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

namespace {

namespace arith = mlir::arith;
namespace scf = mlir::scf;
using mlir::Value;
using Dimension = AffineTile::Dimension;

constexpr int kDeepest = 200; ///< operations behind each other

mlir::Type elementOf(Value value) {
  return mlir::getElementTypeOrSelf(value.getType());
}

/// A tile of the value's shape that is zero everywhere.
AffineTile zeroLike(Value value) {
  AffineTile tile;
  for (int64_t size : shapeOf(value.getType()))
    tile.dimensions.push_back({.size = size, .coefficient = 0, .own = {}, .wrap = {}});
  return tile;
}

bool addTo(LinearForm& into, const LinearForm& from, int64_t factor) {
  auto scaled = scale(from, factor);
  auto sum = scaled ? add(into, *scaled) : std::nullopt;
  if (sum) into = *sum;
  return sum.has_value();
}

/// Scalars of no dimension become those of the only dimension that has more than one element.
void giveToOnlyDimension(AffineTile& tile) {
  Dimension* only = nullptr;
  for (Dimension& dimension : tile.dimensions) {
    if (dimension.size == 1) continue;
    if (only) return;
    only = &dimension;
  }
  if (!only && tile.dimensions.size() == 1) only = &tile.dimensions.front();
  if (only && !only->wrap && addTo(only->own, tile.free, 1)) tile.free = {};
}

/// The number that all elements are; null: they differ, or it is not known.
std::optional<int64_t> constantOf(const AffineTile& tile) {
  for (const Dimension& dimension : tile.dimensions)
    if (dimension.coefficient != 0) return std::nullopt;
  auto origin = tile.origin();
  return origin && origin->isConstant() && !tile.base ? std::optional(origin->constant) : std::nullopt;
}

std::optional<AffineTile> ofRange(MakeRangeOp range) {
  AffineTile tile = zeroLike(range.getResult());
  tile.dimensions[0].coefficient = tile.dimensions[0].size > 1 ? 1 : 0;
  tile.dimensions[0].own.constant = range.getStart();
  return tile;
}

std::optional<AffineTile> ofConstant(arith::ConstantOp constant) {
  AffineTile tile = zeroLike(constant.getResult());
  auto dense = mlir::dyn_cast<mlir::DenseIntElementsAttr>(constant.getValue());
  if (!dense || !dense.isSplat() || dense.getElementType().getIntOrFloatBitWidth() > 64) return std::nullopt;
  int64_t value = dense.getSplatValue<llvm::APInt>().getSExtValue();
  tile.free.constant = wrapTo(dense.getElementType(), value);
  return tile;
}

std::optional<AffineTile> scaled(const AffineTile& tile, int64_t factor) {
  if (tile.base) return std::nullopt;
  AffineTile zero = tile;
  zero.free = {};
  for (Dimension& dimension : zero.dimensions)
    dimension = {.size = dimension.size, .coefficient = 0, .own = {}, .wrap = {}};
  return combine(zero, tile, factor);
}

} // namespace

std::optional<LinearForm> AffineTile::origin() const {
  LinearForm sum = free;
  for (const Dimension& dimension : dimensions)
    if (!addTo(sum, dimension.own, 1)) return std::nullopt;
  return sum;
}

std::optional<AffineTile> combine(const AffineTile& a, const AffineTile& b, int64_t factor) {
  if (a.dimensions.size() != b.dimensions.size() || (a.base && b.base) || (b.base && factor != 1))
    return std::nullopt;
  AffineTile sum = a;
  if (b.base) sum.base = b.base;
  if (!addTo(sum.free, b.free, factor)) return std::nullopt;
  for (auto [into, from] : llvm::zip_equal(sum.dimensions, b.dimensions)) {
    int64_t product = 0;
    auto plain = [](const Dimension& d) { return d.coefficient == 0 && d.own.isZero() && !d.wrap; };
    if ((into.wrap && !plain(from)) || (from.wrap && !plain(into))) return std::nullopt;
    if (from.wrap) into.wrap = from.wrap;
    bool fitting = into.size == from.size && addTo(into.own, from.own, factor) &&
                   !__builtin_mul_overflow(from.coefficient, factor, &product) &&
                   !__builtin_add_overflow(into.coefficient, product, &into.coefficient);
    if (!fitting) return std::nullopt;
  }
  return sum;
}

std::optional<AffineTile> AffineTiles::of(Value value) {
  const void* key = value.getAsOpaquePointer();
  if (auto found = known_.find(key); found != known_.end()) return found->second;
  if (depth_ >= kDeepest) return std::nullopt;
  known_[key] = std::nullopt; // while it is looked at
  ++depth_;
  auto tile = compute(value);
  --depth_;
  return known_[key] = std::move(tile);
}

std::optional<ScalarFacts> AffineTiles::range(const AffineTile& tile, mlir::Operation* at) {
  LinearForm origin = tile.free;
  for (const Dimension& dimension : tile.dimensions)
    if (!dimension.wrap && !addTo(origin, dimension.own, 1)) return std::nullopt;
  auto facts = grid_.of(origin, at);
  if (!facts) return std::nullopt;
  for (const Dimension& dimension : tile.dimensions) {
    int64_t span = 0, steps = dimension.wrap ? dimension.wrap->end - 1 : dimension.size - 1;
    int64_t& end = dimension.coefficient < 0 ? facts->lower : facts->upper;
    if (__builtin_mul_overflow(dimension.coefficient, steps, &span) ||
        __builtin_add_overflow(end, span, &end))
      return std::nullopt;
    if (steps > 0 && dimension.coefficient != 0) facts->divisor = 1;
  }
  return facts;
}

std::optional<AffineTile> AffineTiles::exact(Value value) {
  auto tile = of(value);
  if (!tile || tile->base) return std::nullopt;
  auto facts = range(*tile);
  return facts && fits(*facts, elementOf(value)) ? tile : std::nullopt;
}

std::optional<AffineTile> AffineTiles::scalar(Value value) {
  AffineTile tile;
  if (!mlir::isa<PointerType>(value.getType())) {
    tile.free = grid_.linear(value);
    return tile;
  }
  if (auto moved = value.getDefiningOp<AddPtrOp>()) return elementwise(moved);
  tile.base = value;
  return tile;
}

std::optional<AffineTile> AffineTiles::compute(Value value) {
  mlir::Type element = elementOf(value);
  bool number = element.isIndex() || (element.isSignlessInteger() && !element.isInteger(1));
  if (!number && !mlir::isa<PointerType>(element)) return std::nullopt;
  bool carriedByLoop = mlir::isa<mlir::BlockArgument>(value) || value.getDefiningOp<scf::ForOp>();
  bool tensor = mlir::isa<mlir::RankedTensorType>(value.getType());
  if (carriedByLoop && (tensor || mlir::isa<PointerType>(element)))
    if (auto tile = carried(value)) return tile;
  if (!tensor) return scalar(value);
  mlir::Operation* op = value.getDefiningOp();
  if (!op) return std::nullopt;
  if (auto range = mlir::dyn_cast<MakeRangeOp>(op)) return ofRange(range);
  if (auto constant = mlir::dyn_cast<arith::ConstantOp>(op)) return ofConstant(constant);
  if (mlir::isa<SplatOp, ExpandDimsOp, BroadcastOp, TransOp>(op)) return reshaped(op);
  if (mlir::isa<arith::RemSIOp, arith::RemUIOp>(op)) return remainder(op);
  if (mlir::isa<arith::SelectOp, arith::MinSIOp>(op)) return chosen(op);
  return elementwise(op);
}

std::optional<AffineTile> AffineTiles::elementwise(mlir::Operation* op) {
  if (mlir::isa<AddPtrOp>(op)) {
    auto pointers = of(op->getOperand(0)), offsets = exact(op->getOperand(1));
    return pointers && offsets ? combine(*pointers, *offsets, 1) : std::nullopt;
  }
  if (mlir::isa<arith::ExtSIOp, arith::ExtUIOp, arith::IndexCastOp>(op)) {
    if (elementOf(op->getOperand(0)).isInteger(1)) return std::nullopt;
    auto tile = exact(op->getOperand(0));
    if (!tile || !mlir::isa<arith::ExtUIOp>(op)) return tile;
    auto facts = range(*tile);
    return facts && facts->lower >= 0 ? tile : std::nullopt;
  }
  if (mlir::isa<arith::TruncIOp>(op)) return of(op->getOperand(0));
  if (!mlir::isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) return std::nullopt;
  auto a = of(op->getOperand(0)), b = of(op->getOperand(1));
  if (!a || !b) return std::nullopt;
  if (mlir::isa<arith::AddIOp>(op)) return combine(*a, *b, 1);
  if (mlir::isa<arith::SubIOp>(op)) return combine(*a, *b, -1);
  if (auto factor = constantOf(*b)) return scaled(*a, *factor);
  if (auto factor = constantOf(*a)) return scaled(*b, *factor);
  return std::nullopt;
}

std::optional<AffineTile> AffineTiles::reshaped(mlir::Operation* op) {
  auto source = of(op->getOperand(0));
  if (!source) return std::nullopt;
  AffineTile tile = zeroLike(op->getResult(0));
  tile.base = source->base;
  if (mlir::isa<ExpandDimsOp, BroadcastOp>(op)) giveToOnlyDimension(*source);
  tile.free = source->free;
  if (auto expanded = mlir::dyn_cast<ExpandDimsOp>(op)) {
    source->dimensions.insert(source->dimensions.begin() + expanded.getAxis(), Dimension{});
    tile.dimensions = source->dimensions;
  } else if (mlir::isa<BroadcastOp>(op)) {
    // A dimension of one element has coefficient 0: it stays the same all along.
    for (auto [to, from] : llvm::zip_equal(tile.dimensions, source->dimensions))
      to.coefficient = from.coefficient, to.own = from.own, to.wrap = from.wrap;
  } else if (auto transposed = mlir::dyn_cast<TransOp>(op)) {
    for (auto [to, from] : llvm::zip_equal(tile.dimensions, transposed.getOrder()))
      to = source->dimensions[size_t(from)];
  }
  return tile;
}

/// The tile with its indices, from 0 on and one after the other, wrapped at `end`.
std::optional<AffineTile> AffineTiles::wrapped(AffineTile tile, int64_t end) {
  if (tile.dimensions.size() != 1 || tile.dimensions[0].coefficient != 1 || tile.wraps()) return std::nullopt;
  auto start = tile.origin();
  if (!start) return std::nullopt;
  tile.free = {};
  tile.dimensions[0].own = *start;
  tile.dimensions[0].wrap = AffineTile::Wrap{*start, end};
  return tile;
}

/// x % m: as it is where x stays between two multiples of m that follow each other.
std::optional<AffineTile> AffineTiles::remainder(mlir::Operation* op) {
  auto tile = exact(op->getOperand(0)), modulus = of(op->getOperand(1));
  int64_t number = modulus ? constantOf(*modulus).value_or(0) : 0;
  auto facts = tile ? range(*tile) : std::nullopt;
  if (!facts || number <= 0 || facts->lower < 0) return std::nullopt;
  int64_t before = facts->lower / number;
  if (facts->upper / number != before || tile->wraps()) return wrapped(*tile, number);
  tile->free.constant -= before * number;
  return tile;
}

/// A choice that goes the same way everywhere.
std::optional<AffineTile> AffineTiles::chosen(mlir::Operation* op) {
  auto difference = [&](Value left, Value right) -> std::optional<ScalarFacts> {
    auto a = exact(left), b = exact(right);
    auto tile = a && b ? combine(*a, *b, -1) : std::nullopt;
    return tile ? range(*tile) : std::nullopt;
  };
  if (auto smaller = mlir::dyn_cast<arith::MinSIOp>(op)) {
    auto facts = difference(smaller.getLhs(), smaller.getRhs());
    if (!facts) return std::nullopt;
    if (facts->upper <= 0) return exact(smaller.getLhs());
    return facts->lower >= 0 ? exact(smaller.getRhs()) : std::nullopt;
  }
  auto select = mlir::cast<arith::SelectOp>(op);
  auto compared = select.getCondition().getDefiningOp<arith::CmpIOp>();
  if (!compared || compared.getPredicate() != arith::CmpIPredicate::slt) return std::nullopt;
  auto facts = difference(compared.getLhs(), compared.getRhs());
  if (!facts) return std::nullopt;
  if (facts->upper < 0) return of(select.getTrueValue());
  if (facts->lower >= 0) return of(select.getFalseValue());
  // where(i < n, i, 0), of indices from 0 on
  auto index = select.getTrueValue() == compared.getLhs() ? exact(compared.getLhs()) : std::nullopt;
  auto limit = of(compared.getRhs()), other = of(select.getFalseValue());
  int64_t end = limit ? constantOf(*limit).value_or(0) : 0;
  int64_t instead = other ? constantOf(*other).value_or(-1) : -1;
  auto indices = index ? range(*index) : std::nullopt;
  bool wraps = indices && indices->lower >= 0 && instead >= 0 && instead < end;
  return wraps ? wrapped(*index, end) : std::nullopt;
}

/// init + step · iterations, where each iteration adds the same number to all elements.
std::optional<AffineTile> AffineTiles::carried(Value value) {
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
  bool result = !argument;
  if (result) {
    auto loop = value.getDefiningOp<scf::ForOp>();
    argument = loop.getRegionIterArg(mlir::cast<mlir::OpResult>(value).getResultNumber());
  }
  auto recurrence = recurrenceOf(argument);
  auto init = recurrence ? of(recurrence->init) : std::nullopt;
  if (!init || !recurrence->step) return init;
  auto step = mlir::isa<PointerType>(elementOf(value)) ? exact(recurrence->step) : of(recurrence->step);
  auto number = step ? constantOf(*step) : std::nullopt;
  auto loop = mlir::cast<scf::ForOp>(argument.getOwner()->getParentOp());
  Atom counter{loop.getInductionVar(), result ? Atom::Kind::Trips : Atom::Kind::Iteration};
  auto lower = grid_.linear(loop.getLowerBound()), stride = grid_.linear(loop.getStep());
  bool counts = lower.isZero() && stride.isConstant() && stride.constant == 1;
  if (!result && counts) counter.kind = Atom::Kind::Plain;
  if (!number || !addTo(init->free, LinearForm::ofAtom(counter), *number)) return std::nullopt;
  return init;
}

} // namespace tuned::tt
