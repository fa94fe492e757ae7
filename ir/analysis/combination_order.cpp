#include "ir/analysis/combination_order.h"

#include <llvm/ADT/DenseMap.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/BuiltinAttributes.h>
#include <mlir/IR/BuiltinTypes.h>
#include <mlir/IR/Matchers.h>

#include <cmath>
#include <optional>
#include <random>

namespace tuned::tt {
namespace {

using Numbers = llvm::SmallVector<mlir::Attribute>;

/// Runs a region of scalars by folding each of its operations.
class Interpreter {
public:
  /// What the block's terminator is given; nothing where some operation does not fold.
  std::optional<Numbers> run(mlir::Block& block) {
    for (mlir::Operation& op : block.without_terminator())
      if (!step(op)) return std::nullopt;
    return numbersOf(block.getTerminator()->getOperands());
  }
  std::optional<Numbers> run(mlir::Block& block, const Numbers& arguments) {
    for (auto [argument, number] : llvm::zip(block.getArguments(), arguments))
      known_[argument] = number;
    return run(block);
  }

  /// Whether some computed number was found to be equal to zero.
  bool vanished() const { return vanished_; }

private:
  /// Of this region or a constant outside it; null: not known.
  mlir::Attribute numberOf(mlir::Value value) const {
    mlir::Attribute number = known_.lookup(value);
    if (!number) mlir::matchPattern(value, mlir::m_Constant(&number));
    return number;
  }

  std::optional<Numbers> numbersOf(mlir::OperandRange values) const {
    Numbers numbers;
    for (mlir::Value value : values) {
      numbers.push_back(numberOf(value));
      if (!numbers.back()) return std::nullopt;
    }
    return numbers;
  }

  bool step(mlir::Operation& op) {
    auto operands = numbersOf(op.getOperands());
    if (!operands) return false;
    if (auto branch = mlir::dyn_cast<mlir::scf::IfOp>(op)) {
      bool taken = mlir::cast<mlir::IntegerAttr>(operands->front()).getValue().isOne();
      mlir::Block* side = taken ? branch.thenBlock() : branch.elseBlock();
      auto yielded = side ? run(*side) : std::optional(Numbers());
      return yielded && keep(op, *yielded);
    }
    if (op.getNumRegions() > 0) return false;
    llvm::SmallVector<mlir::OpFoldResult> folded;
    // A fold may also say that the operation is one of its operands.
    if (mlir::failed(op.fold(*operands, folded)) || folded.empty()) return false;
    Numbers results;
    for (mlir::OpFoldResult result : folded) {
      auto number = llvm::dyn_cast<mlir::Attribute>(result);
      results.push_back(number ? number : numberOf(llvm::cast<mlir::Value>(result)));
    }
    vanished_ |= foundZero(op, results.front());
    return keep(op, results);
  }

  /// A guard such as `weight == 0 ? 0 : part / weight`, and that it held.
  static bool foundZero(mlir::Operation& op, mlir::Attribute outcome) {
    auto comparison = mlir::dyn_cast<mlir::arith::CmpFOp>(op);
    if (!comparison) return false;
    const auto predicate = comparison.getPredicate();
    if (predicate != mlir::arith::CmpFPredicate::OEQ && predicate != mlir::arith::CmpFPredicate::UEQ)
      return false;
    auto held = mlir::dyn_cast_or_null<mlir::IntegerAttr>(outcome);
    return held && held.getValue().isOne() &&
           mlir::matchPattern(comparison.getRhs(), mlir::m_AnyZeroFloat()) &&
           comparison.getLhs().getDefiningOp() != nullptr;
  }

  bool keep(mlir::Operation& op, const Numbers& results) {
    for (auto [result, number] : llvm::zip(op.getResults(), results))
      known_[result] = number;
    return llvm::all_of(results, [](mlir::Attribute number) { return number != nullptr; });
  }

  llvm::DenseMap<mlir::Value, mlir::Attribute> known_;
  bool vanished_ = false;
};

/// Small numbers, so that ties come and nothing wraps; halves, so that sums and products differ.
mlir::Attribute sample(mlir::Type type, std::mt19937& random) {
  int number = static_cast<int>(random() % 9) - 4;
  if (type.isInteger(1)) return mlir::IntegerAttr::get(type, number & 1);
  if (mlir::isa<mlir::IntegerType>(type)) return mlir::IntegerAttr::get(type, number);
  if (mlir::isa<mlir::FloatType>(type)) return mlir::FloatAttr::get(type, number / 2.0);
  return {};
}

bool same(mlir::Attribute a, mlir::Attribute b) {
  if (a == b) return true;
  auto left = mlir::dyn_cast<mlir::FloatAttr>(a), right = mlir::dyn_cast<mlir::FloatAttr>(b);
  if (!left || !right) return false;
  double x = left.getValueAsDouble(), y = right.getValueAsDouble();
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) == std::isnan(y);
  constexpr double rounding = 0x1p-5; // of a few operations in the narrowest types
  return x == y || std::fabs(x - y) <= rounding * (1 + std::fabs(x) + std::fabs(y));
}

} // namespace

bool commutesByForm(mlir::Region& region) {
  mlir::Block& block = region.front();
  unsigned count = block.getNumArguments() / 2;
  mlir::OperandRange results = block.getTerminator()->getOperands();
  for (unsigned i = 0; i < results.size(); ++i) {
    mlir::Operation* op = results[i].getDefiningOp();
    if (!op || !op->hasTrait<mlir::OpTrait::IsCommutative>() || op->getNumOperands() != 2) return false;
    mlir::Value a = block.getArgument(i), b = block.getArgument(count + i), x = op->getOperand(0),
                y = op->getOperand(1);
    if (!(x == a && y == b) && !(x == b && y == a)) return false;
  }
  return true;
}

bool orderMatters(mlir::Region& region) {
  if (!region.hasOneBlock()) return true;
  if (commutesByForm(region)) return false;
  mlir::Block& block = region.front();
  constexpr int tries = 200;
  std::mt19937 random(1); // the same every time
  int vanished = 0;
  for (int i = 0; i < tries; ++i) {
    Numbers forwards;
    for (mlir::Type type : block.getArgumentTypes())
      forwards.push_back(sample(type, random));
    if (llvm::is_contained(forwards, mlir::Attribute())) return true;
    Numbers backwards(forwards);
    std::rotate(backwards.begin(), backwards.begin() + std::ptrdiff_t(backwards.size() / 2), backwards.end());
    Interpreter there, back;
    auto one = there.run(block, forwards), other = back.run(block, backwards);
    if (!one || !other) return true;
    if (llvm::equal(*one, *other, same)) continue;
    if (!there.vanished() || !back.vanished() || ++vanished > tries / 2) return true;
  }
  return false;
}

} // namespace tuned::tt
