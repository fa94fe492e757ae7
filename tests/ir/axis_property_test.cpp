// Random index computations, evaluated lane by lane as the machine does, wrapping in each type and dividing
// by whatever comes: whatever the analysis says of a value must be true of it.
#include "ir/analysis/axis/axis_info.h"
#include "tests/ir/module_support.h"

#include <mlir/IR/Builders.h>
#include <mlir/IR/Verifier.h>
#include <random>

using namespace tuned;
using tt::AxisInfo;

namespace {

namespace arith = mlir::arith;
using Lanes = std::vector<int64_t>;

/// A value of the program and what it is in one run.
struct Known {
  mlir::Value value;
  Lanes lanes;
};

unsigned bitsOf(mlir::Type type) {
  return tt::elementType(type).getIntOrFloatBitWidth();
}

/// The number that is left of `value` in a type: signed, but i1 is 0 or 1.
int64_t wrapped(int64_t value, mlir::Type type) {
  unsigned bits = bitsOf(type);
  return bits == 1 ? value & 1 : bits == 64 ? value : llvm::SignExtend64(uint64_t(value), bits);
}
uint64_t withoutSign(int64_t value, unsigned bits) {
  return bits == 64 ? uint64_t(value) : uint64_t(value) & ((uint64_t(1) << bits) - 1);
}
uint64_t word(int64_t value) {
  return uint64_t(value);
}

class Program {
public:
  Program(mlir::MLIRContext& context, uint64_t seed) : random_(seed), builder_(&context) {
    context.getOrLoadDialect<tt::TTDialect>();
    module_ = mlir::ModuleOp::create(builder_.getUnknownLoc());
    builder_.setInsertionPointToStart(module_->getBody());
    llvm::SmallVector<mlir::Type> inputs(3, builder_.getI32Type());
    function_ = tt::FuncOp::create(builder_, module_->getLoc(), "k", builder_.getFunctionType(inputs, {}));
    builder_.setInsertionPointToStart(function_.addEntryBlock());
    for (unsigned i = 0; i < 3; ++i) {
      int64_t divisor = int64_t(1) << below(6);
      function_.setArgAttr(i, "tt.divisibility", builder_.getI32IntegerAttr(divisor));
      int64_t value = (int64_t(below(100)) - 50) * divisor;
      if (below(4) == 0) value += int64_t(1) << 31; // near where it wraps
      scalars_.push_back({function_.getArgument(i), {wrapped(value, builder_.getI32Type())}});
    }
    auto id = tt::GetProgramIdOp::create(builder_, location(), builder_.getI32Type(), tt::ProgramDim::X);
    scalars_.push_back({id, {int64_t(below(40))}});
    for (int i = 0; i < 4; ++i)
      leaf();
  }

  void grow(int steps) {
    for (int i = 0; i < steps; ++i)
      step();
    tt::ReturnOp::create(builder_, location(), mlir::ValueRange());
    REQUIRE(mlir::succeeded(mlir::verify(*module_)));
  }

  void check() {
    tt::AxisInfoAnalysis analysis(function_);
    for (const auto* list : {&scalars_, &tensors_, &masks_})
      for (const Known& known : *list) {
        std::string problem = wrong(analysis.of(known.value), known);
        if (!problem.empty()) FAIL_CHECK(problem << " of " << text(known.value) << "\n" << print(*module_));
      }
  }

private:
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  mlir::Location location() { return builder_.getUnknownLoc(); }
  const Known& any(const std::vector<Known>& list) { return list[below(list.size())]; }
  mlir::RankedTensorType typeOf(const Known& known) {
    return mlir::cast<mlir::RankedTensorType>(known.value.getType());
  }

  static std::string text(mlir::Value value) {
    std::string result;
    llvm::raw_string_ostream stream(result);
    value.print(stream);
    return result;
  }

  void keep(mlir::Value value, Lanes lanes) {
    for (int64_t& lane : lanes)
      lane = wrapped(lane, value.getType());
    auto& list = mlir::isa<mlir::RankedTensorType>(value.getType()) ? tensors_ : scalars_;
    list.push_back({value, std::move(lanes)});
  }

  void leaf() {
    int64_t size = int64_t(1) << (2 + below(4));
    auto type = mlir::RankedTensorType::get({size}, builder_.getI32Type());
    if (below(2)) {
      int64_t start = int64_t(below(4)) * 8 - (below(4) == 0 ? 16 : 0);
      Lanes lanes;
      for (int64_t i = 0; i < size; ++i)
        lanes.push_back(start + i);
      keep(tt::MakeRangeOp::create(builder_, location(), type, uint32_t(start), uint32_t(start + size)),
           lanes);
    } else {
      const Known& scalar = any(scalars_);
      keep(tt::SplatOp::create(builder_, location(), type, scalar.value), Lanes(size, scalar.lanes[0]));
    }
  }

  void step() {
    switch (below(10)) {
    case 0:
      return leaf();
    case 6:
    case 7:
      return cast();
    case 1:
      return reshape();
    case 2:
      return expand();
    case 3:
      return transpose();
    case 4:
      return compare();
    case 5:
      return select();
    default:
      return calculate();
    }
  }

  /// Another value of the same shape: a known one, a constant or a splat.
  Known partner(const Known& first) {
    auto type = typeOf(first);
    for (int tries = 0; tries < 4; ++tries)
      if (const Known& other = any(tensors_); other.value.getType() == type) return other;
    if (below(2) && bitsOf(type) == 32) {
      const Known& scalar = any(scalars_);
      return {tt::SplatOp::create(builder_, location(), type, scalar.value),
              Lanes(first.lanes.size(), scalar.lanes[0])};
    }
    int64_t number = below(3) ? int64_t(1) << below(6) : int64_t(below(40)) - 10;
    number = wrapped(number, type);
    auto attribute =
        mlir::DenseElementsAttr::get(type, llvm::APInt(bitsOf(type), uint64_t(number), true, true));
    return {arith::ConstantOp::create(builder_, location(), attribute), Lanes(first.lanes.size(), number)};
  }

  void cast() {
    Known a = any(tensors_);
    unsigned from = bitsOf(a.value.getType()), to = std::array{8u, 16u, 32u, 64u}[below(4)];
    auto type = typeOf(a).clone(builder_.getIntegerType(to));
    Lanes lanes = a.lanes;
    if (to < from) keep(arith::TruncIOp::create(builder_, location(), type, a.value), lanes);
    if (to <= from) return;
    if (below(2)) return keep(arith::ExtSIOp::create(builder_, location(), type, a.value), lanes);
    for (int64_t& lane : lanes)
      lane = int64_t(withoutSign(lane, from));
    keep(arith::ExtUIOp::create(builder_, location(), type, a.value), lanes);
  }

  /// `operation` gets two numbers and the width of their type.
  template <typename Op, typename Operation> void apply(const Known& a, const Known& b, Operation operation) {
    Lanes lanes;
    for (size_t i = 0; i < a.lanes.size(); ++i)
      lanes.push_back(int64_t(operation(a.lanes[i], b.lanes[i], bitsOf(a.value.getType()))));
    keep(Op::create(builder_, location(), a.value, b.value), std::move(lanes));
  }

  static int64_t quotient(int64_t x, int64_t y, unsigned) {
    return y == 0 ? -1 : y == -1 ? int64_t(0 - word(x)) : x / y;
  }
  static int64_t remainder(int64_t x, int64_t y, unsigned) { return y == 0 ? x : y == -1 ? 0 : x % y; }
  static uint64_t quotientWithoutSign(int64_t x, int64_t y, unsigned bits) {
    return y == 0 ? ~uint64_t(0) : withoutSign(x, bits) / withoutSign(y, bits);
  }
  static uint64_t remainderWithoutSign(int64_t x, int64_t y, unsigned bits) {
    return y == 0 ? word(x) : withoutSign(x, bits) % withoutSign(y, bits);
  }

  void calculate() {
    Known a = any(tensors_), b = partner(a);
    switch (below(13)) {
    case 0:
    case 1:
      return apply<arith::AddIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return word(x) + word(y); });
    case 2:
      return apply<arith::SubIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return word(x) - word(y); });
    case 3:
      return apply<arith::MulIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return word(x) * word(y); });
    case 4:
      return apply<arith::DivSIOp>(a, b, quotient);
    case 5:
      return apply<arith::RemSIOp>(a, b, remainder);
    case 6:
      return apply<arith::RemUIOp>(a, b, remainderWithoutSign);
    case 7:
      return apply<arith::AndIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return x & y; });
    case 8:
      return apply<arith::OrIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return x | y; });
    case 9:
      return apply<arith::MinSIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return std::min(x, y); });
    case 10:
      return apply<arith::MaxSIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return std::max(x, y); });
    case 11:
      return apply<arith::DivUIOp>(a, b, quotientWithoutSign);
    default:
      unsigned bits = bitsOf(a.value.getType());
      if (!llvm::all_of(b.lanes, [&](int64_t v) { return v >= 0 && v < int64_t(bits); })) return;
      if (below(3) == 0)
        return apply<arith::ShRUIOp>(
            a, b, [](int64_t x, int64_t y, unsigned width) { return withoutSign(x, width) >> y; });
      if (below(2)) return apply<arith::ShRSIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return x >> y; });
      return apply<arith::ShLIOp>(a, b, [](int64_t x, int64_t y, unsigned) { return word(x) << y; });
    }
  }

  void compare() {
    Known a = any(tensors_), b = partner(a);
    using enum arith::CmpIPredicate;
    auto predicate = std::array{slt, sle, sgt, sge, eq, ne, ult, ule, ugt, uge}[below(10)];
    Lanes lanes;
    for (size_t i = 0; i < a.lanes.size(); ++i)
      lanes.push_back(arith::applyCmpPredicate(predicate, llvm::APInt(64, uint64_t(a.lanes[i])),
                                               llvm::APInt(64, uint64_t(b.lanes[i]))));
    masks_.push_back(
        {arith::CmpIOp::create(builder_, location(), predicate, a.value, b.value), std::move(lanes)});
  }

  void select() {
    Known a = any(tensors_), b = partner(a);
    for (const Known& mask : masks_) {
      if (typeOf(mask).getShape() != typeOf(a).getShape() || below(2)) continue;
      Lanes lanes;
      for (size_t i = 0; i < a.lanes.size(); ++i)
        lanes.push_back(mask.lanes[i] ? a.lanes[i] : b.lanes[i]);
      return keep(arith::SelectOp::create(builder_, location(), mask.value, a.value, b.value),
                  std::move(lanes));
    }
  }

  void reshape() {
    Known a = any(tensors_);
    llvm::SmallVector<int64_t> shape;
    for (int64_t left = a.lanes.size(); left > 1;) {
      int64_t size = std::min<int64_t>(left, int64_t(1) << below(4));
      shape.push_back(size);
      left /= size;
    }
    if (shape.empty()) shape.push_back(1);
    auto type = mlir::RankedTensorType::get(shape, typeOf(a).getElementType());
    keep(tt::ReshapeOp::create(builder_, location(), type, a.value), a.lanes);
  }

  void expand() {
    Known a = any(tensors_);
    auto shape = llvm::to_vector(typeOf(a).getShape());
    if (shape.size() > 2) return;
    size_t axis = below(shape.size() + 1);
    shape.insert(shape.begin() + axis, 1);
    mlir::Type element = typeOf(a).getElementType();
    auto type = mlir::RankedTensorType::get(shape, element);
    mlir::Value expanded = tt::ExpandDimsOp::create(builder_, location(), type, a.value, uint32_t(axis));
    keep(expanded, a.lanes);
    int64_t copies = int64_t(1) << below(4), inner = 1;
    for (size_t d = axis + 1; d < shape.size(); ++d)
      inner *= shape[d];
    shape[axis] = copies;
    Lanes lanes;
    for (size_t outer = 0; outer < a.lanes.size() / inner; ++outer)
      for (int64_t copy = 0; copy < copies; ++copy)
        for (int64_t i = 0; i < inner; ++i)
          lanes.push_back(a.lanes[outer * inner + i]);
    if (lanes.size() > 512) return;
    auto wide = mlir::RankedTensorType::get(shape, element);
    keep(tt::BroadcastOp::create(builder_, location(), wide, expanded), std::move(lanes));
  }

  void transpose() {
    Known a = any(tensors_);
    auto shape = typeOf(a).getShape();
    if (shape.size() != 2) return;
    auto type = mlir::RankedTensorType::get({shape[1], shape[0]}, typeOf(a).getElementType());
    Lanes lanes;
    for (int64_t j = 0; j < shape[1]; ++j)
      for (int64_t i = 0; i < shape[0]; ++i)
        lanes.push_back(a.lanes[i * shape[1] + j]);
    keep(tt::TransOp::create(builder_, location(), type, a.value, llvm::ArrayRef<int32_t>{1, 0}),
         std::move(lanes));
  }

  /// What the facts say that the lanes deny; empty when nothing.
  static std::string wrong(const AxisInfo& info, const Known& known) {
    llvm::SmallVector<int64_t> shape(tt::shapeOf(known.value.getType()));
    if (shape.empty()) shape.push_back(1);
    if (info.rank() != shape.size()) return "rank";
    for (int64_t lane : known.lanes) {
      if (info.constant && lane != *info.constant) return "constant";
      if (info.lower && lane < *info.lower) return "lower bound";
      if (info.upper && lane > *info.upper) return "upper bound";
    }
    int64_t stride = known.lanes.size();
    for (size_t d = 0; d < shape.size(); ++d) {
      stride /= shape[d];
      if (shape[d] % info.contiguity[d] || shape[d] % info.constancy[d]) return "run length";
      for (size_t i = 0; i < known.lanes.size(); ++i) {
        int64_t place = (int64_t(i) / stride) % shape[d], lane = known.lanes[i];
        if (place % info.contiguity[d] == 0 && lane % info.divisibility[d]) return "divisibility";
        if (place % info.contiguity[d] && lane != wrapped(known.lanes[i - stride] + 1, known.value.getType()))
          return "contiguity";
        if (place % info.constancy[d] && lane != known.lanes[i - stride]) return "constancy";
      }
    }
    return {};
  }

  std::mt19937_64 random_;
  mlir::OpBuilder builder_;
  Module module_;
  tt::FuncOp function_;
  std::vector<Known> scalars_, tensors_, masks_;
};

} // namespace

TEST_CASE_FIXTURE(ModuleTest, "facts about random index computations are true") {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    INFO("seed ", seed);
    Program program(*context, seed);
    program.grow(25);
    program.check();
  }
}
