// Inclusive scans in the layout `scanned` (layout/constructors.h): the axis' low bits are registers, the next
// the low lane bits, the last warps. Threads scan what they hold; then what comes before a thread, in its
// warp and in the warps before, is put before each of its elements. Reversed, everything runs from the other
// end.
#include "backend/nvptx/lowering/exchange/warp_parts.h"

namespace tuned::nvptx {
namespace {

WarpParts partsOf(tt::ScanOp op) {
  return WarpParts(*layoutOf(op->getResult(0).getType()), op.getAxis());
}

uint32_t scanScratch(mlir::Operation& op) {
  return partsOf(mlir::cast<tt::ScanOp>(op)).scratchBytes(op.getOperands());
}

class Scanner {
public:
  Scanner(Emitter& emitter, tt::ScanOp scan)
      : e(emitter), op(scan), layout(e.layout(scan->getResult(0))), warps(partsOf(scan)),
        reverse(scan.getReverse()) {
    unsigned axis = scan.getAxis();
    for (uint32_t vector : layout.registers)
      if (layout.coordinate(vector, axis) != 0) steps *= 2;
    for (uint32_t vector : layout.lanes)
      if (layout.coordinate(vector, axis) != 0) lanes *= 2;
    others = layout.registerCount() / steps;
    for (mlir::Value source : op.getSrcs())
      sources.push_back(e.of(source));
  }

  Result<void> run() {
    if (auto done = withinThread(); !done) return done;
    if (lanes > 1)
      if (auto done = acrossLanes(); !done) return done;
    if (warps.count() > 1)
      if (auto done = acrossWarps(); !done) return done;
    if (auto done = putBefore(); !done) return done;
    for (unsigned i = 0; i < sources.size(); ++i) {
      Registers result(layout.registerCount());
      for (unsigned s = 0; s < steps; ++s)
        for (unsigned o = 0; o < others; ++o)
          result[index(s, o)] = rows[s][i][o];
      e.set(op.getResult()[i], std::move(result));
    }
    return {};
  }

private:
  /// Values of all operands, for each index across the axis.
  using Row = std::vector<Registers>;

  /// The register of step s (in the direction of the scan) and index o across the axis: the axis' bits are
  /// the low ones.
  unsigned index(unsigned s, unsigned o) const { return (reverse ? steps - 1 - s : s) + o * steps; }

  Result<Row> combine(Row before, const Row& now) {
    before.insert(before.end(), now.begin(), now.end());
    return e.combine(op.getCombineOp(), before);
  }

  Result<void> withinThread() {
    for (unsigned s = 0; s < steps; ++s) {
      Row row(sources.size());
      for (size_t i = 0; i < sources.size(); ++i)
        for (unsigned o = 0; o < others; ++o)
          row[i].push_back(sources[i][index(s, o)]);
      if (s != 0) {
        auto done = combine(rows.back(), row);
        if (!done) return fail(done.error());
        row = std::move(*done);
      }
      rows.push_back(std::move(row));
    }
    return {};
  }

  /// Each value from `delta` lanes before (in the scan's direction); lanes too early get some other lane's.
  Row fromBefore(const Row& row, unsigned delta) {
    auto& b = e.builder;
    llvm::Value* lane = b.CreateAnd(b.CreateAdd(e.lane(), b.getInt32(reverse ? delta : 32 - delta)), 31);
    Row moved(row.size());
    for (size_t i = 0; i < row.size(); ++i)
      for (llvm::Value* value : row[i])
        moved[i].push_back(e.shuffle(value, lane));
    return moved;
  }

  static void choose(Emitter& e, llvm::Value* condition, Row& yes, const Row& no) {
    for (size_t i = 0; i < yes.size(); ++i)
      for (size_t o = 0; o < yes[i].size(); ++o)
        yes[i][o] = e.builder.CreateSelect(condition, yes[i][o], no[i][o]);
  }

  Result<void> acrossLanes() {
    auto& b = e.builder;
    llvm::Value* position = b.CreateAnd(e.lane(), lanes - 1);
    if (reverse) position = b.CreateSub(b.getInt32(lanes - 1), position);
    auto reached = [&](unsigned delta) { return b.CreateICmpUGE(position, b.getInt32(delta)); };
    total = rows.back();
    for (unsigned delta = 1; delta < lanes; delta *= 2) {
      auto sum = combine(fromBefore(total, delta), total);
      if (!sum) return fail(sum.error());
      choose(e, reached(delta), *sum, total);
      total = std::move(*sum);
    }
    before = fromBefore(total, 1);
    hasBefore = reached(1);
    return {};
  }

  /// The last lane of each warp leaves the warp's total; all put together those of the warps before theirs.
  Result<void> acrossWarps() {
    auto& b = e.builder;
    auto areas = warps.areas(e, *op.getOperation(), op.getSrcs());
    llvm::Value* position = b.CreateAnd(e.lane(), lanes - 1);
    e.when(b.CreateICmpEQ(position, b.getInt32(reverse ? 0 : lanes - 1)), [&] {
      for (size_t i = 0; i < total.size(); ++i)
        for (uint32_t o = 0; o < others; ++o)
          warps.write(e, areas[i], o, e.toMemory(total[i][o]));
    });
    e.barrier();
    std::vector<Row> totals(warps.count(), Row(sources.size()));
    for (size_t i = 0; i < sources.size(); ++i)
      for (uint32_t o = 0; o < others; ++o)
        for (auto [w, value] : llvm::enumerate(warps.read(e, areas[i], o, op.getSrcs()[i].getType())))
          totals[reverse ? warps.count() - 1 - w : w][i].push_back(value);
    llvm::Value* number = e.linear({}, warps.number());
    if (reverse) number = b.CreateSub(b.getInt32(warps.count() - 1), number);
    Row earlier = totals.front();
    for (unsigned w = 1; w + 1 < warps.count(); ++w) {
      auto sum = combine(earlier, totals[w]);
      if (!sum) return fail(sum.error());
      choose(e, b.CreateICmpUGT(number, b.getInt32(w)), *sum, earlier);
      earlier = std::move(*sum);
    }
    return putWarpsBefore(earlier, b.CreateICmpNE(number, b.getInt32(0)));
  }

  Result<void> putWarpsBefore(const Row& earlier, llvm::Value* hasEarlier) {
    auto both = combine(earlier, before);
    if (!both) return fail(both.error());
    choose(e, hasBefore, *both, earlier);
    choose(e, hasEarlier, *both, before);
    before = std::move(*both);
    hasBefore = e.builder.CreateOr(hasBefore, hasEarlier);
    return {};
  }

  Result<void> putBefore() {
    if (!hasBefore) return {};
    for (Row& row : rows) {
      auto sum = combine(before, row);
      if (!sum) return fail(sum.error());
      choose(e, hasBefore, *sum, row);
      row = std::move(*sum);
    }
    return {};
  }

  Emitter& e;
  tt::ScanOp op;
  LinearLayout layout;
  WarpParts warps;
  bool reverse;
  unsigned steps = 1, lanes = 1, others = 1;
  std::vector<Registers> sources;
  std::vector<Row> rows;            ///< by step
  Row total;                        ///< of the lanes up to this one
  Row before;                       ///< what comes before the thread's elements
  llvm::Value* hasBefore = nullptr; ///< null: nothing does
};

Result<void> scan(Emitter& e, mlir::Operation& op) {
  return Scanner(e, mlir::cast<tt::ScanOp>(op)).run();
}

} // namespace

void addScans(OpTable& table) {
  table["tt.scan"] = {scan, scanScratch};
}

} // namespace tuned::nvptx
