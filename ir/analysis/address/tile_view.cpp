#include "ir/analysis/address/tile_view.h"

#include "ir/analysis/axis/axis_info.h"

#include <numeric>

namespace tuned::tt {

namespace {

using mlir::Value;

constexpr int64_t kLargestExtent = INT32_MAX;
constexpr int64_t kLargestStride = int64_t(1) << 39; ///< bytes

/// One view in the making.
class Construction {
public:
  Construction(AffineTiles& tiles, mlir::Operation* at, const ViewLimits& limits)
      : tiles_(tiles), at_(at), limits_(limits) {}

  std::optional<TileView> make(Value pointers, Value mask) {
    auto tile = tiles_.of(pointers);
    auto bounds = mask ? boundsOf(mask, tiles_, at_) : std::optional(TileBounds());
    if (!tile || !bounds || tile->dimensions.size() < limits_.leastRank) return std::nullopt;
    elementBytes_ = pointeeBytes(pointers.getType());
    if (!takeBase(*tile) || !takeStrides(*tile) || !takeBounds(*bounds) || !takeWraps(*tile))
      return std::nullopt;
    if (!distribute(*tile) || !takeExtents()) return std::nullopt;
    return view_;
  }

private:
  struct Upper {
    LinearForm form; ///< the mask is form + i < 0
  };

  bool takeBase(const AffineTile& tile) {
    auto argument = mlir::dyn_cast_or_null<mlir::BlockArgument>(tile.base);
    auto function = argument ? mlir::dyn_cast<FuncOp>(argument.getOwner()->getParentOp()) : FuncOp();
    if (!function || argument.getOwner() != &function.getBody().front()) return false;
    auto hint = function.getArgAttrOfType<mlir::IntegerAttr>(argument.getArgNumber(), "tt.divisibility");
    if (!hint || hint.getInt() % limits_.alignment != 0) return false;
    view_.base = argument;
    require(view_.conditions, {.kind = LaunchCondition::Kind::Divisible,
                               .argument = int(argument.getArgNumber()),
                               .value = limits_.alignment});
    return true;
  }

  /// Strides are positive and fall; the last is 1, the others keep the alignment.
  bool takeStrides(const AffineTile& tile) {
    for (auto [number, dimension] : llvm::enumerate(tile.dimensions)) {
      if (dimension.size == 1 || dimension.coefficient <= 0) return false;
      view_.dimensions.push_back({.extent = 0,
                                  .stride = dimension.coefficient,
                                  .block = dimension.size,
                                  .offset = {},
                                  .tileDimension = unsigned(number)});
    }
    llvm::stable_sort(view_.dimensions, [](auto& a, auto& b) { return a.stride > b.stride; });
    if (view_.dimensions.empty() || view_.dimensions.back().stride != 1) return false;
    for (auto& dimension : llvm::drop_end(view_.dimensions))
      if (dimension.stride >= kLargestStride / elementBytes_ || dimension.stride == 1 ||
          dimension.stride * elementBytes_ % limits_.alignment != 0)
        return false;
    upper_.resize(view_.dimensions.size());
    return true;
  }

  /// Each bound is i + form < 0 for one dimension; two of one dimension must be the same.
  bool takeBounds(const TileBounds& bounds) {
    for (const AffineTile& bound : bounds) {
      std::optional<unsigned> along;
      for (auto [number, dimension] : llvm::enumerate(bound.dimensions)) {
        if (dimension.coefficient == 0) continue;
        if (along || dimension.coefficient != 1) return false;
        along = unsigned(number);
      }
      auto form = bound.origin();
      if (!along || !form) return false;
      auto& known = upper_[positionOf(*along)];
      if (known && !(sameTerms(known->form, *form))) return false;
      // Of two bounds with equal terms the tighter one counts.
      if (!known || form->constant > known->form.constant) known = Upper{*form};
    }
    return true;
  }

  /// Where indices wrap the array ends, unless a bound says so already.
  bool takeWraps(const AffineTile& tile) {
    for (auto [number, dimension] : llvm::enumerate(tile.dimensions)) {
      if (!dimension.wrap) continue;
      auto& upper = upper_[positionOf(unsigned(number))];
      auto form = subtract(dimension.wrap->start, LinearForm::ofConstant(dimension.wrap->end));
      if (!form || (upper && !sameTerms(upper->form, *form))) return false;
      if (upper && upper->form.constant >= form->constant) continue;
      upper = Upper{*form};
      view_.wrapped.push_back({unsigned(number), *dimension.wrap});
    }
    return true;
  }

  size_t positionOf(unsigned tileDimension) const {
    auto is = [&](const TileView::Dimension& d) { return d.tileDimension == tileDimension; };
    return size_t(llvm::find_if(view_.dimensions, is) - view_.dimensions.begin());
  }

  /// Splits the tile's origin into offsets. Bounded dimensions take what their bound says, so that the extent
  /// comes out constant; each other scalar goes to the dimension it came from, or to the greatest stride that
  /// divides it.
  bool distribute(const AffineTile& tile) {
    auto rest = tile.origin();
    if (!rest) return false;
    for (auto [dimension, upper] : llvm::zip_equal(view_.dimensions, upper_)) {
      if (!upper) continue;
      dimension.offset.terms = upper->form.terms;
      auto taken = scale(dimension.offset, dimension.stride);
      auto left = taken ? subtract(*rest, *taken) : std::nullopt;
      if (!left) return false;
      rest = left;
    }
    for (const LinearForm::Term& term : rest->terms)
      if (!place(term, tile)) return false;
    int64_t constant = rest->constant;
    for (TileView::Dimension& dimension : view_.dimensions) {
      int64_t quotient = constant >= 0 ? constant / dimension.stride : 0;
      if (dimension.stride == 1) quotient = constant;
      if (__builtin_add_overflow(dimension.offset.constant, quotient, &dimension.offset.constant))
        return false;
      constant -= quotient * dimension.stride;
    }
    return true;
  }

  bool place(const LinearForm::Term& term, const AffineTile& tile) {
    auto cameAlong = [&](size_t d) {
      auto& own = tile.dimensions[view_.dimensions[d].tileDimension].own;
      return llvm::any_of(own.terms, [&](auto& t) { return t.atom == term.atom; });
    };
    for (bool along : {true, false})
      for (size_t d = 0; d < view_.dimensions.size(); ++d)
        if (!upper_[d] && cameAlong(d) == along && placeIn(view_.dimensions[d], term)) return true;
    return false;
  }

  /// The term's share of a dimension: coefficient · atom / stride, if that is always whole.
  bool placeIn(TileView::Dimension& dimension, const LinearForm::Term& term) {
    int64_t common = std::gcd(term.coefficient, dimension.stride), rest = dimension.stride / common;
    Atom atom = term.atom;
    if (rest != 1) {
      auto facts = tiles_.grid().of(LinearForm::ofAtom(atom));
      if (!facts || !facts->dividedBy(rest) || __builtin_mul_overflow(atom.divisor, rest, &atom.divisor))
        return false;
    }
    auto share = scale(LinearForm::ofAtom(atom), term.coefficient / common);
    auto sum = share ? add(dimension.offset, *share) : std::nullopt;
    if (sum) dimension.offset = *sum;
    return sum.has_value();
  }

  /// A bound says where the array ends; without one it ends where the last window does.
  bool takeExtents() {
    for (auto [dimension, upper] : llvm::zip_equal(view_.dimensions, upper_)) {
      auto facts = tiles_.grid().of(dimension.offset, at_);
      if (!facts || facts->lower < 0 || facts->upper > kLargestExtent - dimension.block) return false;
      int64_t last = facts->upper + dimension.block;
      dimension.extent = last;
      if (!upper) continue;
      if (__builtin_sub_overflow(dimension.offset.constant, upper->form.constant, &dimension.extent))
        return false;
      if (dimension.extent <= facts->upper || dimension.extent > kLargestExtent) return false;
      view_.bounded |= dimension.extent < last;
    }
    return true;
  }

  AffineTiles& tiles_;
  mlir::Operation* at_;
  const ViewLimits& limits_;
  TileView view_;
  int64_t elementBytes_ = 1;
  llvm::SmallVector<std::optional<Upper>, 4> upper_;
};

} // namespace

llvm::SmallVector<int32_t, 4> TileView::order() const {
  llvm::SmallVector<int32_t, 4> order(dimensions.size());
  for (auto [position, dimension] : llvm::enumerate(dimensions))
    order[dimension.tileDimension] = int32_t(position);
  return order;
}

bool TileView::transposed() const {
  return !llvm::is_sorted(order());
}

std::optional<TileView> viewOf(Value pointers, Value mask, AffineTiles& tiles, mlir::Operation* at,
                               const ViewLimits& limits) {
  return Construction(tiles, at, limits).make(pointers, mask);
}

} // namespace tuned::tt
