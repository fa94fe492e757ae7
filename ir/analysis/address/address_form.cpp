#include "ir/analysis/address/address_form.h"

#include "ir/analysis/axis/axis_info.h"

#include <algorithm>
#include <mlir/Dialect/Utils/StaticValueUtils.h>
#include <mlir/IR/Matchers.h>

namespace tuned::tt {

namespace {

namespace arith = mlir::arith;
using mlir::Value;
using Form = std::optional<AddressForm>;

/// Numbers beyond this are not followed: no sum over a tile of them overflows.
constexpr int64_t kLargest = int64_t(1) << 40;
/// Two parts of one form lie nearer than this, or wrapping could bring them together.
constexpr int64_t kReach = int64_t(1) << 31;

bool isSmall(int64_t value) {
  return value >= -kLargest && value <= kLargest;
}

/// a + scale · b
Form sum(AddressForm a, const AddressForm& b, int64_t scale) {
  auto add = [&](int64_t& into, int64_t what) {
    int64_t scaled = 0;
    return !__builtin_mul_overflow(what, scale, &scaled) && !__builtin_add_overflow(into, scaled, &into) &&
           isSmall(into);
  };
  if (!add(a.constant, b.constant)) return std::nullopt;
  for (auto [into, what] : llvm::zip_equal(a.strides, b.strides))
    if (!add(into, what)) return std::nullopt;
  for (auto [term, factor] : b.terms) {
    if (!add(a.terms[term], factor)) return std::nullopt;
    if (a.terms[term] == 0) a.terms.erase(term);
  }
  return a;
}

AddressForm zero(size_t rank) {
  AddressForm form;
  form.strides.assign(rank, 0);
  return form;
}

class Reader {
public:
  Form of(Value value) {
    auto known = forms_.find(value);
    if (known != forms_.end()) return known->second;
    Form form = read(value);
    if (!form && shapeOf(value.getType()).empty()) form = term(value);
    forms_[value] = form;
    return form;
  }

private:
  static AddressForm term(Value value) {
    AddressForm form;
    form.terms[value] = 1;
    return form;
  }

  Form read(Value value) {
    size_t rank = shapeOf(value.getType()).size();
    mlir::Attribute attribute;
    if (mlir::matchPattern(value, mlir::m_Constant(&attribute))) return constant(attribute, rank);
    mlir::Operation* op = value.getDefiningOp();
    if (!op) return rank ? carriedTile(mlir::cast<mlir::BlockArgument>(value)) : std::nullopt;
    if (auto range = mlir::dyn_cast<MakeRangeOp>(op)) {
      AddressForm form = zero(1);
      form.strides[0] = 1;
      form.constant = int32_t(range.getStart());
      return form;
    }
    if (mlir::isa<SplatOp>(op)) {
      Form form = of(op->getOperand(0));
      if (form) form->strides.assign(rank, 0);
      return form;
    }
    if (auto expand = mlir::dyn_cast<ExpandDimsOp>(op)) {
      Form form = of(expand.getSrc());
      if (form) form->strides.insert(form->strides.begin() + expand.getAxis(), 0);
      return form;
    }
    if (auto broadcast = mlir::dyn_cast<BroadcastOp>(op)) return broadcasted(broadcast);
    if (auto transpose = mlir::dyn_cast<TransOp>(op)) {
      Form form = of(transpose.getSrc());
      if (!form) return form;
      auto from = form->strides;
      for (auto [d, source] : llvm::enumerate(transpose.getOrder()))
        form->strides[d] = from[static_cast<size_t>(source)];
      return form;
    }
    if (mlir::isa<arith::MulIOp>(op)) return product(op);
    if (mlir::isa<AddPtrOp, arith::AddIOp, arith::SubIOp>(op)) {
      Form a = of(op->getOperand(0)), b = of(op->getOperand(1));
      if (!a || !b || !isWide(op->getOperand(1).getType())) return std::nullopt;
      int64_t scale = mlir::isa<AddPtrOp>(op)        ? pointeeBytes(value.getType())
                      : mlir::isa<arith::SubIOp>(op) ? -1
                                                     : 1;
      return sum(*a, *b, scale);
    }
    bool passes = mlir::isa<arith::ExtSIOp, arith::ExtUIOp>(op) && isWide(op->getOperand(0).getType());
    if (passes || op->getName().getStringRef() == "nv.convert_layout") return of(op->getOperand(0));
    return std::nullopt;
  }

  /// A tile that a loop moves as a whole: as it started, and the argument as the term for what was added
  /// since.
  Form carriedTile(mlir::BlockArgument argument) {
    auto loop = mlir::dyn_cast<mlir::scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument.getArgNumber() == 0) return std::nullopt;
    Form form = of(loop.getInitArgs()[argument.getArgNumber() - 1]);
    if (!form) return form;
    form->terms[argument] += 1;
    forms_[argument] = form;
    Form next = of(loop.getYieldedValues()[argument.getArgNumber() - 1]);
    if (next && next->strides == form->strides) return form;
    forms_.clear(); // some were told from what did not hold
    forms_[argument] = std::nullopt;
    return std::nullopt;
  }

  /// Sums that wrap in fewer bits may bring any two elements together.
  static bool isWide(mlir::Type type) {
    return elementType(type).isIndex() || elementBits(elementType(type)) >= 32;
  }

  Form constant(mlir::Attribute attribute, size_t rank) {
    if (auto dense = mlir::dyn_cast<mlir::DenseIntElementsAttr>(attribute)) {
      if (!dense.isSplat()) return std::nullopt;
      return number(dense.getSplatValue<llvm::APInt>(), rank);
    }
    auto integer = mlir::dyn_cast<mlir::IntegerAttr>(attribute);
    return integer ? number(integer.getValue(), rank) : std::nullopt;
  }

  static Form number(const llvm::APInt& value, size_t rank) {
    if (value.getSignificantBits() > 41) return std::nullopt;
    AddressForm form = zero(rank);
    form.constant = value.getSExtValue();
    return form;
  }

  /// A dimension of one element has no stride, whatever it was computed with.
  Form broadcasted(BroadcastOp op) {
    Form form = of(op.getSrc());
    if (!form) return form;
    for (auto [stride, size] : llvm::zip_equal(form->strides, op.getSrc().getType().getShape()))
      if (size == 1) stride = 0;
    return form;
  }

  Form product(mlir::Operation* op) {
    Form a = of(op->getOperand(0)), b = of(op->getOperand(1));
    if (!a || !b || !isWide(op->getOperand(0).getType())) return std::nullopt;
    auto isNumber = [](const AddressForm& form) {
      return form.terms.empty() && llvm::all_of(form.strides, [](int64_t s) { return s == 0; });
    };
    if (!isNumber(*a)) std::swap(a, b);
    if (!isNumber(*a)) return std::nullopt;
    return sum(zero(b->strides.size()), *b, a->constant);
  }

  llvm::DenseMap<Value, Form> forms_;
};

/// How far a loop moves a scalar or tile that it carries, if it only ever adds one number to all of it.
std::optional<int64_t> carriedMovement(mlir::BlockArgument argument, mlir::scf::ForOp loop) {
  Reader reader;
  Form now = reader.of(argument), next = reader.of(loop.getYieldedValues()[argument.getArgNumber() - 1]);
  Form moved = now && next ? sum(*next, *now, -1) : std::nullopt;
  bool uniform =
      moved && moved->terms.empty() && llvm::all_of(moved->strides, [](int64_t s) { return s == 0; });
  return uniform ? std::optional(moved->constant) : std::nullopt;
}

} // namespace

bool AddressForm::operator==(const AddressForm& other) const {
  if (strides != other.strides || constant != other.constant || terms.size() != other.terms.size())
    return false;
  return llvm::all_of(terms, [&](const auto& term) { return other.terms.lookup(term.first) == term.second; });
}

std::optional<AddressForm> addressForm(mlir::Value value) {
  return Reader().of(value);
}

std::optional<int64_t> movement(const AddressForm& form, mlir::LoopLikeOpInterface loop) {
  int64_t total = 0;
  for (auto [term, factor] : form.terms) {
    mlir::Operation* owner = term.getDefiningOp();
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(term);
    if (argument) owner = argument.getOwner()->getParentOp();
    bool inside = argument ? loop->isAncestor(owner) : loop->isProperAncestor(owner);
    if (!inside) continue;
    auto forLoop = mlir::dyn_cast<mlir::scf::ForOp>(loop.getOperation());
    if (!argument || !forLoop || owner != loop.getOperation()) return std::nullopt;
    std::optional<int64_t> step = argument.getArgNumber() == 0 ? mlir::getConstantIntValue(forLoop.getStep())
                                                               : carriedMovement(argument, forLoop);
    int64_t moved = 0;
    if (!step || __builtin_mul_overflow(*step, factor, &moved) || !isSmall(moved)) return std::nullopt;
    total += moved;
  }
  return total;
}

Envelope envelope(const AddressForm& form, mlir::Type pointers) {
  Envelope covered{form.constant, form.constant + pointeeBytes(pointers)};
  for (auto [stride, size] : llvm::zip_equal(form.strides, shapeOf(pointers)))
    (stride < 0 ? covered.begin : covered.end) += stride * (size - 1);
  return covered;
}

bool elementsDiffer(const AddressForm& form, mlir::Type tile) {
  llvm::SmallVector<std::pair<int64_t, int64_t>, 4> dims; // stride, size
  for (auto [size, stride] : llvm::zip_equal(shapeOf(tile), form.strides))
    if (size > 1) dims.push_back({std::abs(stride), size});
  llvm::sort(dims);
  int64_t reach = 0;
  for (auto [stride, size] : dims) {
    if (stride <= reach) return false;
    reach += stride * (size - 1);
  }
  return reach < kReach;
}

} // namespace tuned::tt
