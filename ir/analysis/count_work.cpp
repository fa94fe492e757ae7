#include "ir/analysis/count_work.h"

#include "ir/analysis/live_values.h"
#include "ir/analysis/program_grid.h"
#include "ir/kernel/grid.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

#include <cmath>

namespace tuned::tt {
namespace {

namespace scf = mlir::scf;

/// Elements of a tile; 0: it is none.
int64_t elementsOf(mlir::Type type) {
  auto tile = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tile ? tile.getNumElements() : 0;
}

double bytesOf(mlir::Type type) {
  return static_cast<double>(std::max<int64_t>(1, elementsOf(type)) * elementBits(type)) / 8;
}

bool loads(mlir::Operation* op) {
  return mlir::isa<LoadOp, DescriptorLoadOp, DescriptorGatherOp>(op);
}

bool stores(mlir::Operation* op) {
  return mlir::isa<StoreOp, DescriptorStoreOp, DescriptorScatterOp, DescriptorReduceOp, AtomicRMWOp>(op);
}

/// The widest operand of a store is what it stores, or the pointers to it.
double bytesStoredBy(mlir::Operation* op) {
  double most = 0;
  for (mlir::Value operand : op->getOperands()) {
    auto tile = mlir::dyn_cast<mlir::RankedTensorType>(operand.getType());
    if (tile && !mlir::isa<PointerType>(tile.getElementType())) most = std::max(most, bytesOf(tile));
  }
  return most;
}

class Counter {
public:
  explicit Counter(FuncOp function) : grid_(function, gridOf(function)) {
    if (auto grid = gridOf(function)) work_.programs = (*grid)[0] * (*grid)[1] * (*grid)[2];
    for (mlir::Block& block : function.getBody())
      count(block, 1, 1);
    for (mlir::Block& block : function.getBody())
      work_.liveBytes = std::max(work_.liveBytes, mostLive(block, [](mlir::Value value) {
                                   return isKept(value) ? static_cast<int64_t>(bytesOf(value.getType())) : 0;
                                 }));
    if (all_ > 0) work_.meanShare = mean_ / all_;
  }
  ProgramWork take() { return std::move(work_); }

private:
  struct Trips {
    double most, mean;
  };

  Trips tripsOf(scf::ForOp loop) {
    auto lower = grid_.of(loop.getLowerBound(), loop), upper = grid_.of(loop.getUpperBound(), loop),
         step = grid_.of(loop.getStep(), loop);
    if (!lower || !upper || !step || step->lower < 1) return {1, 1};
    auto trips = [&](double from, double to) {
      return std::max(0.0, std::ceil((to - from) / static_cast<double>(step->lower)));
    };
    const double most = trips(static_cast<double>(lower->lower), static_cast<double>(upper->upper));
    const double least = trips(static_cast<double>(lower->upper), static_cast<double>(upper->lower));
    return {most, (most + least) / 2};
  }

  void count(mlir::Block& block, double most, double mean) {
    for (mlir::Operation& op : block) {
      if (mlir::isa<ReduceOp, ScanOp, GatherOp, HistogramOp>(op)) {
        work_.reduced += most * static_cast<double>(elementsOf(op.getOperand(0).getType()));
        weigh(static_cast<double>(elementsOf(op.getOperand(0).getType())), most, mean);
        continue;
      }
      if (auto loop = mlir::dyn_cast<scf::ForOp>(op)) {
        const Trips trips = tripsOf(loop);
        countLoop(loop, most * trips.most);
        count(*loop.getBody(), most * trips.most, mean * trips.mean);
        continue;
      }
      countOne(&op, most, mean);
      if (mlir::isa<MapElementwiseOp>(op)) continue;
      for (mlir::Region& region : op.getRegions())
        for (mlir::Block& inner : region)
          count(inner, most, mean);
    }
  }

  void countLoop(scf::ForOp loop, double times) {
    double bytes = 0;
    for (mlir::Operation& op : *loop.getBody())
      if (loads(&op) && elementsOf(op.getResult(0).getType()) > 0)
        bytes += bytesOf(op.getResult(0).getType());
    if (bytes == 0) return;
    work_.steps += times;
    work_.stepBytes = std::max(work_.stepBytes, bytes);
  }

  void weigh(double amount, double most, double mean) {
    all_ += most * amount;
    mean_ += mean * amount;
  }

  void countOne(mlir::Operation* op, double most, double mean) {
    if (loads(op)) {
      const double bytes = bytesOf(op->getResult(0).getType());
      work_.bytesLoaded += most * bytes;
      work_.widestTile = std::max(work_.widestTile, elementsOf(op->getResult(0).getType()));
      return weigh(bytes, most, mean);
    }
    if (stores(op)) {
      const double bytes = bytesStoredBy(op);
      work_.bytesStored += most * bytes;
      return weigh(bytes, most, mean);
    }
    if (auto dot = mlir::dyn_cast<DotOp>(op))
      return countDot(dot.getA().getType(), dot.getD().getType(), most, mean);
    if (auto dot = mlir::dyn_cast<DotScaledOp>(op))
      return countDot(dot.getA().getType(), dot.getD().getType(), most, mean);
    if (op->getNumResults() == 0 || !isKept(op->getResult(0))) return;
    const int64_t elements = elementsOf(op->getResult(0).getType());
    work_.operations += most * static_cast<double>(elements);
    work_.widestTile = std::max(work_.widestTile, elements);
    weigh(static_cast<double>(elements), most, mean);
  }

  void countDot(mlir::RankedTensorType a, mlir::RankedTensorType d, double most, double mean) {
    auto shape = d.getShape();
    const int64_t m = shape[shape.size() - 2], n = shape.back(), k = a.getShape().back();
    double batch = 1;
    for (size_t i = 0; i + 2 < shape.size(); ++i)
      batch *= static_cast<double>(shape[i]);
    work_.dots.push_back({m, n, k, elementBits(a), most * batch});
    work_.widestTile = std::max(work_.widestTile, d.getNumElements());
    weigh(static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / 16 * batch, most, mean);
  }

  ProgramGrid grid_;
  ProgramWork work_;
  double all_ = 0,
         mean_ = 0; ///< weights of all that was counted, for the longest and for the average program
};

} // namespace

ProgramWork countWork(FuncOp function) {
  return Counter(function).take();
}

} // namespace tuned::tt
