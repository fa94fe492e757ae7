#include "tests/conformance/judge/tolerance.h"
#include "ir/dialect/Dialect.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace tuned::conformance {
namespace {

constexpr double kTf32 = 0x1p-11;
/// f32 as three parts of tf32 or bf16, or six.
constexpr double kSplit = 0x1p-16;
/// Hopper's tensor cores keep about 14 bits of sums of 32 products of 8-bit floats.
constexpr double kFp8Sum = 0x1p-13;

/// Unit roundoff: half a unit in the last place, relative.
double roundoff(mlir::Type type) {
  auto real = llvm::dyn_cast<mlir::FloatType>(mlir::getElementTypeOrSelf(type));
  return real ? std::ldexp(1.0, -static_cast<int>(real.getFPMantissaWidth())) : 0;
}
double roundoff(reference::Kind kind) {
  using reference::Kind;
  switch (kind) {
  case Kind::F8E5M2:
    return 0x1p-3;
  case Kind::F8E4M3FN:
    return 0x1p-4;
  case Kind::F16:
    return 0x1p-11;
  case Kind::BF16:
    return 0x1p-8;
  case Kind::F32:
    return 0x1p-24;
  case Kind::F64:
    return 0x1p-53;
  default:
    return 0;
  }
}

std::optional<int64_t> constant(mlir::Value value) {
  auto op = value.getDefiningOp<mlir::arith::ConstantOp>();
  auto integer = op ? llvm::dyn_cast<mlir::IntegerAttr>(op.getValue()) : mlir::IntegerAttr();
  return integer ? std::optional(integer.getInt()) : std::nullopt;
}

/// Iterations of the loops around an op; a loop of unknown length counts as 32.
double trips(mlir::Operation* op) {
  constexpr double kUnknown = 32;
  double product = 1;
  for (mlir::Operation* outer = op->getParentOp(); outer; outer = outer->getParentOp()) {
    if (llvm::isa<mlir::scf::WhileOp>(outer)) product *= kUnknown;
    auto loop = llvm::dyn_cast<mlir::scf::ForOp>(outer);
    if (!loop) continue;
    auto from = constant(loop.getLowerBound()), to = constant(loop.getUpperBound()),
         step = constant(loop.getStep());
    bool known = from && to && step && *step > 0;
    product *= known ? std::max<double>(1, std::ceil(double(*to - *from) / double(*step))) : kUnknown;
  }
  return product;
}

/// A value that goes to memory as it is: its rounding is the result's own.
bool isOnlyStored(mlir::Value value) {
  return llvm::all_of(value.getUsers(), [&](mlir::Operation* user) {
    if (llvm::isa<tt::StoreOp, tt::DescriptorStoreOp>(user)) return true;
    return llvm::isa<tt::ReshapeOp, tt::TransOp, tt::BroadcastOp, tt::ExpandDimsOp>(user) &&
           isOnlyStored(user->getResult(0));
  });
}

class Reader {
public:
  Freedom freedom;

  void read(mlir::Operation* op) {
    llvm::StringRef name = op->getName().getStringRef();
    if (auto dot = llvm::dyn_cast<tt::DotOp>(op)) return readDot(dot);
    if (auto dot = llvm::dyn_cast<tt::DotScaledOp>(op))
      return sum(std::max(kFp8Sum, roundoff(dot.getD().getType())),
                 double(dot.getA().getType().getShape().back()) / 16 * trips(op));
    if (llvm::isa<tt::ReduceOp, tt::ScanOp>(op)) return readReduction(op);
    if (auto atomic = llvm::dyn_cast<tt::AtomicRMWOp>(op)) {
      if (double unit = roundoff(atomic.getResult().getType())) sum(unit, 64 * trips(op));
      return;
    }
    bool reorders = name == "tt.cat" || (name == "tt.reshape" && op->hasAttr("allow_reorder"));
    freedom.reorders |= reorders;
    if (name == "math.sincos") return readFunction("math.sin", roundoff(op->getResult(0).getType()));
    if (op->getNumResults() != 1) return;
    double unit = roundoff(op->getResult(0).getType());
    if (unit == 0) return;
    if (name == "arith.truncf" || name == "tt.fp_to_fp")
      narrowing_ = isOnlyStored(op->getResult(0)) ? narrowing_ : std::max(narrowing_, unit);
    else if (name == "arith.addf" || name == "arith.subf")
      readSum(op, unit);
    else
      readFunction(name, unit);
  }

  Freedom finish() {
    if (!freedom.exact()) freedom.narrowed = narrowing_;
    return freedom;
  }

private:
  void sum(double unit, double terms) {
    freedom.summed = std::max(freedom.summed, unit);
    freedom.terms = std::max(freedom.terms, terms);
  }
  void readDot(tt::DotOp dot) {
    double inputs = roundoff(dot.getA().getType());
    double unit = roundoff(dot.getD().getType());
    if (unit == 0) return; // integers
    bool reduced = inputs == 0x1p-24 && dot.getInputPrecision() != tt::InputPrecision::IEEE;
    if (reduced)
      freedom.inputs =
          std::max(freedom.inputs, dot.getInputPrecision() == tt::InputPrecision::TF32 ? kTf32 : kSplit);
    auto terms = double(dot.getA().getType().getShape().back()) * trips(dot);
    inputs >= 0x1p-4 ? sum(std::max(unit, kFp8Sum), terms / 32) : sum(unit, terms);
  }
  /// A reduction's order is free: what its region adds or multiplies is rounded differently.
  void readReduction(mlir::Operation* op) {
    bool adds = false, multiplies = false;
    op->walk([&](mlir::Operation* inner) {
      adds |= llvm::isa<mlir::arith::AddFOp, mlir::arith::SubFOp>(inner);
      multiplies |= llvm::isa<mlir::arith::MulFOp, mlir::arith::DivFOp>(inner);
    });
    if (!adds && !multiplies) return;
    auto axis = static_cast<unsigned>(op->getAttrOfType<mlir::IntegerAttr>("axis").getInt());
    for (mlir::Value source : op->getOperands()) {
      auto type = llvm::cast<mlir::RankedTensorType>(source.getType());
      double unit = roundoff(type);
      if (unit == 0) continue;
      double terms = double(type.getShape()[axis]) * trips(op);
      if (multiplies) freedom.relative = std::max(freedom.relative, 2 * unit * std::sqrt(terms));
      sum(unit, terms);
    }
  }
  /// a * b + c may be one rounding or two; a sum carried around a loop may be kept in several parts.
  void readSum(mlir::Operation* op, double unit) {
    auto product = [](mlir::Value value) { return value.getDefiningOp<mlir::arith::MulFOp>() != nullptr; };
    double around = trips(op);
    if (llvm::any_of(op->getOperands(), product) || around > 1) sum(unit, around);
    if (freedom.relative > 0) sum(unit, 1); // differences of approximations cancel
  }
  void readFunction(llvm::StringRef name, double unit) {
    // Narrower types are computed in f32 and rounded; f64 by library code, exact to an ulp or two.
    double working = std::min(unit, 0x1p-24);
    auto ulps = [&](double count) { freedom.relative = std::max(freedom.relative, 2 * count * working); };
    bool isDouble = unit == 0x1p-53;
    if (name == "arith.divf") return ulps(isDouble ? 0 : 2);
    if (name == "arith.remf") return sum(unit, 1);
    if (name == "math.exp" && !isDouble) freedom.exponent = 2 * working;
    if (name == "math.exp" || name == "math.exp2") return ulps(2);
    if (name == "math.sqrt" || name == "math.rsqrt") return ulps(isDouble ? 1 : 3);
    if (name == "math.sin" || name == "math.cos" || name == "math.log" || name == "math.log2") {
      ulps(3);
      if (!isDouble) sum(working, 1); // near their zeros f32's approximations are only absolutely close
      return;
    }
    bool exact = llvm::is_contained({"math.absf", "math.ceil", "math.copysign", "math.floor", "math.fma",
                                     "math.round", "math.roundeven", "math.trunc"},
                                    name);
    if (name.starts_with("math.") && !exact) return ulps(4);
    if (name == "tt.extern_elementwise") {
      ulps(16);
      sum(working, 1);
    }
  }
  double narrowing_ = 0;
};

} // namespace

Freedom freedomOf(mlir::ModuleOp module) {
  Reader reader;
  module.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) { reader.read(op); });
  return reader.finish();
}

std::string Freedom::text() const {
  if (exact()) return "exact";
  std::ostringstream out;
  out << relative << " relative, sums of " << terms << " terms at " << summed << ", read at " << inputs
      << ", narrowed at " << narrowed;
  return out.str();
}

double allowed(const Freedom& freedom, reference::Kind kind, double expected, double rootMeanSquare) {
  if (freedom.exact()) return 0;
  // Rounding errors are a random walk: those of terms grow as the sum does, those of the running value with
  // the steps too. Thousands of elements are judged, so several deviations are allowed.
  constexpr double kSpread = 6;
  double unit = roundoff(kind);
  double magnitude = std::fabs(expected);
  // A device that truncates what it reads is off by half a unit of each operand on average, always the same
  // way.
  double relative = 2 * unit + freedom.relative + 2 * freedom.narrowed + 2 * freedom.inputs;
  if (freedom.exponent > 0 && magnitude > 0) relative += freedom.exponent * std::fabs(std::log(magnitude));
  double summed = 0;
  if (freedom.summed > 0)
    summed = freedom.summed * std::sqrt(freedom.terms) + freedom.inputs + freedom.narrowed;
  double absolute = kSpread * summed * rootMeanSquare;
  return relative * magnitude + absolute;
}

} // namespace tuned::conformance
