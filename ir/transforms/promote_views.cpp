#include "ir/transforms/promote_views.h"

#include "ir/analysis/address/ignored_rows.h"
#include "ir/analysis/address/tile_view.h"
#include "ir/analysis/program_domain.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/Matchers.h>

namespace tuned {

namespace {

namespace arith = mlir::arith;
namespace scf = mlir::scf;
using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;

/// Hardware copies whole elements of these many bits.
bool copiedWhole(mlir::Type element) {
  return !mlir::isa<tt::PointerType>(element) && tt::elementBits(element) >= 8 &&
         tt::elementBits(element) <= 64;
}

/// Masked lanes of a descriptor's load are zero: `other` must be that, or nothing in particular.
bool isZeroOrAbsent(Value other) {
  return !other || mlir::matchPattern(other, mlir::m_AnyZeroFloat()) ||
         mlir::matchPattern(other, mlir::m_Zero());
}

class Promotion {
public:
  Promotion(tt::FuncOp function, std::optional<std::array<int64_t, 3>> grid,
            std::vector<LaunchCondition>& conditions)
      : function_(function), grid_(function, grid), tiles_(grid_), conditions_(conditions) {}

  void run() {
    std::vector<std::pair<mlir::Operation*, tt::TileView>> found;
    function_.walk([&](mlir::Operation* op) {
      if (auto view = viewFor(op)) found.push_back({op, std::move(*view)});
    });
    for (auto& [op, view] : found) {
      for (const LaunchCondition& condition : view.conditions)
        require(conditions_, condition);
      if (auto load = mlir::dyn_cast<tt::LoadOp>(op))
        replace(load, view);
      else
        replace(mlir::cast<tt::StoreOp>(op), view);
    }
    if (!found.empty()) function_.walk([](scf::ForOp loop) { stopUnused(loop); });
  }

private:
  std::optional<tt::TileView> viewFor(mlir::Operation* op) {
    if (auto load = mlir::dyn_cast<tt::LoadOp>(op)) {
      if (load.getIsVolatile() || !copiedWhole(tt::elementType(load.getResult().getType())))
        return std::nullopt;
      // Rows too: as pointers they are copied by threads of their own, which take registers from the
      // products.
      auto view = tt::viewOf(load.getPtr(), load.getMask(), tiles_, op, {.leastRank = 1});
      if (!view || (view->bounded && !isZeroOrAbsent(load.getOther()))) return std::nullopt;
      bool ignored = llvm::all_of(view->wrapped, [&](const tt::TileView::Wrapped& each) {
        return tt::ignoresBeyond(load.getResult(), each.tileDimension, each.wrap.start, each.wrap.end,
                                 tiles_);
      });
      return ignored ? std::move(view) : std::nullopt;
    }
    auto store = mlir::dyn_cast<tt::StoreOp>(op);
    if (!store || !copiedWhole(tt::elementType(store.getValue().getType()))) return std::nullopt;
    auto view = tt::viewOf(store.getPtr(), store.getMask(), tiles_, op);
    return view && view->wrapped.empty() ? std::move(view) : std::nullopt;
  }

  void replace(tt::LoadOp load, const tt::TileView& view) {
    OpBuilder builder(load);
    Location location = load.getLoc();
    auto block = blockOf(view, tt::elementType(load.getResult().getType()));
    Value descriptor = describe(location, view, block);
    Value tile =
        tt::DescriptorLoadOp::create(builder, location, block, descriptor, indices(builder, location, view),
                                     load.getCache(), load.getEvict());
    if (view.transposed())
      tile = tt::TransOp::create(builder, location, load.getResult().getType(), tile, view.order());
    load.getResult().replaceAllUsesWith(tile);
    load.erase();
  }

  void replace(tt::StoreOp store, const tt::TileView& view) {
    OpBuilder builder(store);
    Location location = store.getLoc();
    auto block = blockOf(view, tt::elementType(store.getValue().getType()));
    Value descriptor = describe(location, view, block);
    Value tile = store.getValue();
    if (view.transposed()) {
      llvm::SmallVector<int32_t, 4> order;
      for (const tt::TileView::Dimension& dimension : view.dimensions)
        order.push_back(int32_t(dimension.tileDimension));
      tile = tt::TransOp::create(builder, location, block, tile, order);
    }
    tt::DescriptorStoreOp::create(builder, location, descriptor, tile, indices(builder, location, view));
    store.erase();
  }

  static mlir::RankedTensorType blockOf(const tt::TileView& view, mlir::Type element) {
    llvm::SmallVector<int64_t, 4> shape;
    for (const tt::TileView::Dimension& dimension : view.dimensions)
      shape.push_back(dimension.block);
    return mlir::RankedTensorType::get(shape, element);
  }

  /// The descriptor, made once for all accesses that agree on it.
  Value describe(Location location, const tt::TileView& view, mlir::RankedTensorType block) {
    for (auto& [known, descriptor] : made_)
      if (known.base == view.base && descriptor.getType().getBlockType() == block &&
          llvm::equal(known.dimensions, view.dimensions,
                      [](auto& a, auto& b) { return a.extent == b.extent && a.stride == b.stride; }))
        return descriptor;
    OpBuilder builder = OpBuilder::atBlockBegin(&function_.getBody().front());
    llvm::SmallVector<Value, 4> shape, strides;
    for (const tt::TileView::Dimension& dimension : view.dimensions) {
      shape.push_back(arith::ConstantIntOp::create(builder, location, dimension.extent, 32));
      strides.push_back(arith::ConstantIntOp::create(builder, location, dimension.stride, 64));
    }
    auto made = tt::MakeTensorDescOp::create(builder, location, tt::TensorDescType::get(block), view.base,
                                             shape, strides, tt::PaddingOption::PAD_ZERO);
    made_.push_back({view, made.getResult()});
    return made;
  }

  llvm::SmallVector<Value, 4> indices(OpBuilder& builder, Location location, const tt::TileView& view) {
    llvm::SmallVector<Value, 4> out;
    for (const tt::TileView::Dimension& dimension : view.dimensions)
      out.push_back(materialize(builder, location, dimension.offset));
    return out;
  }

  /// An offset as an i32: proven to fit, so that how its parts wrap does not matter.
  Value materialize(OpBuilder& builder, Location location, const tt::LinearForm& form) {
    Value sum;
    for (const tt::LinearForm::Term& term : form.terms) {
      Value part = materialize(builder, location, term.atom);
      if (term.coefficient != 1)
        part = arith::MulIOp::create(builder, location, part, number(builder, location, term.coefficient));
      sum = sum ? arith::AddIOp::create(builder, location, sum, part).getResult() : part;
    }
    if (!sum) return number(builder, location, form.constant);
    if (form.constant == 0) return sum;
    return arith::AddIOp::create(builder, location, sum, number(builder, location, form.constant));
  }

  Value materialize(OpBuilder& builder, Location location, const tt::Atom& atom) {
    Value value = atom.value;
    if (atom.kind != tt::Atom::Kind::Plain) {
      auto loop = mlir::cast<scf::ForOp>(value.getParentBlock()->getParentOp());
      Value until = atom.kind == tt::Atom::Kind::Trips ? loop.getUpperBound() : atom.value;
      Value span = arith::SubIOp::create(builder, location, until, loop.getLowerBound());
      value = arith::CeilDivSIOp::create(builder, location, span, loop.getStep());
      // A loop that does not run has made no trips.
      Value zero = arith::ConstantOp::create(builder, location, builder.getZeroAttr(value.getType()));
      value = arith::MaxSIOp::create(builder, location, value, zero);
    }
    if (atom.divisor != 1) {
      auto divisor = builder.getIntegerAttr(value.getType(), atom.divisor);
      value = arith::DivSIOp::create(builder, location, value,
                                     arith::ConstantOp::create(builder, location, divisor));
    }
    unsigned width = value.getType().isIndex() ? 64 : value.getType().getIntOrFloatBitWidth();
    mlir::Type i32 = builder.getI32Type();
    if (value.getType().isIndex()) return arith::IndexCastOp::create(builder, location, i32, value);
    if (width > 32) return arith::TruncIOp::create(builder, location, i32, value);
    if (width < 32) return arith::ExtSIOp::create(builder, location, i32, value);
    return value;
  }

  static Value number(OpBuilder& builder, Location location, int64_t value) {
    return arith::ConstantIntOp::create(builder, location, int64_t(int32_t(value)), 32);
  }

  /// Pointers that a loop only moves on and nobody reads stand still, so that folding can take them out.
  static void stopUnused(scf::ForOp loop) {
    auto yield = mlir::cast<scf::YieldOp>(loop.getBody()->getTerminator());
    for (auto [number, argument] : llvm::enumerate(loop.getRegionIterArgs())) {
      auto recurrence = tt::recurrenceOf(argument);
      mlir::Operation* next = yield.getOperand(unsigned(number)).getDefiningOp();
      bool unread = recurrence && recurrence->step && argument.hasOneUse() &&
                    *argument.user_begin() == next && next->hasOneUse() &&
                    loop.getResult(unsigned(number)).use_empty();
      if (!unread) continue;
      yield.setOperand(unsigned(number), argument);
      next->erase();
    }
  }

  tt::FuncOp function_;
  tt::ProgramGrid grid_;
  tt::AffineTiles tiles_;
  std::vector<LaunchCondition>& conditions_;
  std::vector<std::pair<tt::TileView, mlir::TypedValue<tt::TensorDescType>>> made_;
};

} // namespace

void promoteToViews(tt::FuncOp function, std::optional<std::array<int64_t, 3>> grid,
                    std::vector<LaunchCondition>& conditions) {
  bool dots = function.walk([](tt::DotOp) { return mlir::WalkResult::interrupt(); }).wasInterrupted();
  if (dots && grid) Promotion(function, grid, conditions).run();
}

} // namespace tuned
