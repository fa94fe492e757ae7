#include "backend/tileir/emit/memory/clusters.h"

#include <mlir/Dialect/SCF/IR/SCF.h>
#include <set>

namespace tuned::tileir {
namespace {

namespace scf = mlir::scf;
using mlir::Value;

constexpr int clustersFrom = 90, looked = 90; // capabilities: the first with clusters, the one looked at

/// Follows the dimension that is split from a tile back to the products that it was computed from.
class Origins {
public:
  explicit Origins(const EmitOptions& how) : options(how) {}

  /// Whether there are such products, all of them spread along their rows, and the dimension is none of
  /// those.
  bool areRight(Value tile, int64_t dimension) {
    follow(tile, dimension);
    while (!pending.empty()) {
      auto [value, along] = pending.back();
      pending.pop_back();
      auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
      if (argument ? !stepArgument(argument, along) : !step(mlir::cast<mlir::OpResult>(value), along))
        return false;
    }
    return products > 0;
  }

private:
  bool follow(Value value, int64_t dimension) {
    if (seen.insert({value.getAsOpaquePointer(), dimension}).second) pending.push_back({value, dimension});
    return true;
  }

  bool step(mlir::OpResult value, int64_t dimension) {
    mlir::Operation* op = value.getOwner();
    if (auto dot = mlir::dyn_cast<tt::DotOp>(op)) return takeProduct(dot, dimension);
    if (auto loop = mlir::dyn_cast<scf::ForOp>(op))
      return followCarried(loop, value.getResultNumber(), dimension);
    if (auto split = mlir::dyn_cast<tt::SplitOp>(op)) return follow(split.getSrc(), dimension);
    if (auto reshape = mlir::dyn_cast<tt::ReshapeOp>(op)) return followReshape(reshape, dimension);
    if (auto trans = mlir::dyn_cast<tt::TransOp>(op))
      return follow(trans.getSrc(), trans.getOrder()[static_cast<size_t>(dimension)]);
    if (mlir::isa<tt::BroadcastOp>(op)) return true; // takes on the layout of what it meets, as scalars do
    return followElements(op, dimension);
  }

  /// Elementwise, as what stands between a product and its store; what changes the shape is not known here.
  bool followElements(mlir::Operation* op, int64_t dimension) {
    auto shape = mlir::cast<mlir::ShapedType>(op->getResult(0).getType()).getShape();
    return op->getNumRegions() == 0 && llvm::all_of(op->getOperands(), [&](Value operand) {
             auto type = mlir::dyn_cast<mlir::RankedTensorType>(operand.getType());
             return !type || (type.getShape() == shape && follow(operand, dimension));
           });
  }

  bool takeProduct(tt::DotOp dot, int64_t dimension) {
    constexpr int rowsOfAWarp = 16;
    ++products;
    auto shape = dot.getType().getShape();
    return shape.size() == 2 && dimension == 1 &&
           shape[0] >= int64_t(options.clusterCtas) * options.workerWarps * rowsOfAWarp;
  }

  bool stepArgument(mlir::BlockArgument argument, int64_t dimension) {
    auto loop = mlir::dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    return loop && argument.getArgNumber() > 0 && followCarried(loop, argument.getArgNumber() - 1, dimension);
  }

  bool followCarried(scf::ForOp loop, unsigned number, int64_t dimension) {
    auto yield = mlir::cast<scf::YieldOp>(loop.getBody()->getTerminator());
    return follow(loop.getInitArgs()[number], dimension) && follow(yield.getOperand(number), dimension);
  }

  /// The source's dimension that holds the result's, told from its distance in memory order.
  bool followReshape(tt::ReshapeOp reshape, int64_t dimension) {
    auto before = reshape.getSrc().getType().getShape(), after = reshape.getType().getShape();
    int64_t distance = 1, inner = 1;
    for (int64_t size : after.drop_front(static_cast<size_t>(dimension) + 1))
      distance *= size;
    int64_t reach = distance * after[static_cast<size_t>(dimension)];
    for (size_t d = before.size(); d-- > 0; inner *= before[d])
      if (distance >= inner && reach <= inner * before[d])
        return follow(reshape.getSrc(), static_cast<int64_t>(d));
    return false;
  }

  const EmitOptions& options;
  std::set<std::pair<const void*, int64_t>> seen;
  std::vector<std::pair<Value, int64_t>> pending;
  int products = 0;
};

} // namespace

std::string splitRefusal(const EmitOptions& options, tt::SplitOp op) {
  if (options.clusterCtas <= 1 || options.capability < clustersFrom) return {};
  int64_t last = op.getSrc().getType().getRank() - 1;
  if (options.capability == looked && Origins(options).areRight(op.getSrc(), last)) return {};
  return "with num_ctas = " + std::to_string(options.clusterCtas) +
         " the assembler mistakes the halves of a tile that it may spread over the CTAs";
}

std::string reductionRefusal(const EmitOptions& options, size_t dimensions) {
  constexpr size_t seenRight = 2;
  if (options.clusterCtas <= 1 || options.capability < clustersFrom || dimensions <= seenRight) return {};
  return "with num_ctas = " + std::to_string(options.clusterCtas) +
         " the assembler gets tiles of more than two dimensions wrong";
}

} // namespace tuned::tileir
