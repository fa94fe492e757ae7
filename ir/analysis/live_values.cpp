#include "ir/analysis/live_values.h"

#include "ir/dialect/Dialect.h"

#include <llvm/ADT/DenseMap.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::tt {
namespace {

namespace scf = mlir::scf;

/// A value and what it weighs, until it is needed no more.
using Ending = llvm::SmallVector<std::pair<mlir::Value, int64_t>>;

class Liveness {
public:
  explicit Liveness(llvm::function_ref<int64_t(mlir::Value)> weigh) : weigh_(weigh) {}

  int64_t peakOf(mlir::Block& block) {
    llvm::DenseMap<mlir::Operation*, Ending> ending;
    int64_t now = 0, peak = 0;
    auto begin = [&](mlir::Value value) {
      const int64_t weight = weigh_(value);
      if (weight == 0) return;
      mlir::Operation* last = nullptr;
      for (mlir::Operation* user : value.getUsers())
        if (mlir::Operation* here = block.findAncestorOpInBlock(*user);
            here && (!last || last->isBeforeInBlock(here)))
          last = here;
      if (!last) return;
      now += weight;
      ending[last].emplace_back(value, weight);
    };
    for (mlir::Value argument : block.getArguments())
      begin(argument);
    for (mlir::Operation& op : block) {
      // What goes into a loop goes on inside as its argument.
      if (mlir::isa<scf::ForOp, scf::WhileOp>(op)) handOver(ending[&op], &op, now);
      int64_t inside = 0;
      if (!mlir::isa<ReduceOp, ScanOp, MapElementwiseOp>(op))
        for (mlir::Region& region : op.getRegions())
          for (mlir::Block& inner : region)
            inside = std::max(inside, peakOf(inner));
      peak = std::max(peak, now + inside);
      if (auto ended = ending.find(&op); ended != ending.end()) {
        for (const auto& [value, weight] : ended->second)
          now -= weight;
        ending.erase(ended);
      }
      for (mlir::Value result : op.getResults())
        begin(result);
      peak = std::max(peak, now);
    }
    return peak;
  }

private:
  static void handOver(Ending& ending, mlir::Operation* loop, int64_t& now) {
    llvm::erase_if(ending, [&](const auto& each) {
      for (mlir::Operation* user : each.first.getUsers())
        if (user != loop && loop->isProperAncestor(user)) return false;
      now -= each.second;
      return true;
    });
  }

  llvm::function_ref<int64_t(mlir::Value)> weigh_;
};

} // namespace

bool isKept(mlir::Value value) {
  auto tile = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
  if (!tile || mlir::isa<PointerType>(tile.getElementType())) return false;
  mlir::Operation* op = value.getDefiningOp();
  if (!op) return !tile.getElementType().isInteger();
  if (mlir::isa<LoadOp, DescriptorLoadOp, DescriptorGatherOp>(op))
    return !llvm::all_of(value.getUsers(), llvm::IsaPred<DotOp, DotScaledOp>);
  if (tile.getElementType().isInteger()) return false;
  return !mlir::isa<mlir::arith::ConstantOp, SplatOp, BroadcastOp, ExpandDimsOp, ReshapeOp>(op);
}

int64_t mostLive(mlir::Block& block, llvm::function_ref<int64_t(mlir::Value)> weigh) {
  return Liveness(weigh).peakOf(block);
}

} // namespace tuned::tt
