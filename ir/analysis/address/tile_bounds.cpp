#include "ir/analysis/address/tile_bounds.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

namespace {

namespace arith = mlir::arith;
using mlir::Value;

constexpr int kDeepest = 100;

class Reader {
public:
  Reader(AffineTiles& tiles, mlir::Operation* at) : tiles_(tiles), at_(at) {}

  std::optional<TileBounds> read(Value mask, int depth) {
    mlir::Operation* op = mask.getDefiningOp();
    if (!op || depth > kDeepest) return std::nullopt;
    if (auto compared = mlir::dyn_cast<arith::CmpIOp>(op)) return comparison(compared);
    if (auto constant = mlir::dyn_cast<arith::ConstantOp>(op)) return ofConstant(constant);
    if (mlir::isa<arith::AndIOp>(op)) {
      auto a = read(op->getOperand(0), depth + 1), b = read(op->getOperand(1), depth + 1);
      if (!a || !b) return std::nullopt;
      a->append(b->begin(), b->end());
      return a;
    }
    if (!mlir::isa<SplatOp, ExpandDimsOp, BroadcastOp, TransOp>(op)) return std::nullopt;
    auto bounds = read(op->getOperand(0), depth + 1);
    if (!bounds) return std::nullopt;
    for (AffineTile& bound : *bounds)
      reshape(bound, op);
    return bounds;
  }

private:
  static std::optional<TileBounds> ofConstant(arith::ConstantOp constant) {
    auto dense = mlir::dyn_cast<mlir::DenseIntElementsAttr>(constant.getValue());
    auto number = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue());
    bool always =
        number ? !number.getValue().isZero() : dense && dense.isSplat() && dense.getSplatValue<bool>();
    return always ? std::optional(TileBounds()) : std::nullopt;
  }

  /// a < b is a - b < 0, a <= b is a - b - 1 < 0. Unsigned ones are signed ones where nothing is negative.
  std::optional<TileBounds> comparison(arith::CmpIOp compared) {
    using enum arith::CmpIPredicate;
    auto a = tiles_.exact(compared.getLhs()), b = tiles_.exact(compared.getRhs());
    if (!a || !b) return std::nullopt;
    arith::CmpIPredicate predicate = compared.getPredicate();
    if (predicate == eq || predicate == ne) return std::nullopt;
    bool isUnsigned = predicate == ult || predicate == ule || predicate == ugt || predicate == uge;
    if (isUnsigned && !(natural(*a) && natural(*b))) return std::nullopt;
    bool greater = predicate == sgt || predicate == sge || predicate == ugt || predicate == uge;
    bool orEqual = predicate == sle || predicate == sge || predicate == ule || predicate == uge;
    auto difference = greater ? combine(*b, *a, -1) : combine(*a, *b, -1);
    if (!difference) return std::nullopt;
    if (orEqual) --difference->free.constant;
    auto facts = tiles_.range(*difference, at_);
    if (facts && facts->upper < 0) return TileBounds();
    if (difference->wraps()) return std::nullopt;
    return TileBounds{*difference};
  }

  bool natural(const AffineTile& tile) {
    auto facts = tiles_.range(tile, at_);
    return facts && facts->lower >= 0;
  }

  static void reshape(AffineTile& bound, mlir::Operation* op) {
    auto dimensions = bound.dimensions;
    if (auto expanded = mlir::dyn_cast<ExpandDimsOp>(op)) {
      bound.dimensions.insert(bound.dimensions.begin() + expanded.getAxis(), AffineTile::Dimension{});
    } else if (auto transposed = mlir::dyn_cast<TransOp>(op)) {
      for (auto [to, from] : llvm::zip_equal(bound.dimensions, transposed.getOrder()))
        to = dimensions[size_t(from)];
    } else {
      bound.dimensions.resize(shapeOf(op->getResult(0).getType()).size());
      for (auto [to, size] : llvm::zip_equal(bound.dimensions, shapeOf(op->getResult(0).getType())))
        to.size = size;
    }
  }

  AffineTiles& tiles_;
  mlir::Operation* at_;
};

} // namespace

std::optional<TileBounds> boundsOf(Value mask, AffineTiles& tiles, mlir::Operation* at) {
  return Reader(tiles, at).read(mask, 0);
}

} // namespace tuned::tt
