// Reductions: within the thread by a tree, across lanes by shuffles, across warps by one exchange through
// shared memory.
#include "backend/nvptx/warp_parts.h"

namespace tuned::nvptx {
namespace {

WarpParts partsOf(tt::ReduceOp op) {
  return WarpParts(*layoutOf(op.getSrcs()[0].getType()), op.getAxis());
}

uint32_t reduceScratch(mlir::Operation& op) {
  return partsOf(mlir::cast<tt::ReduceOp>(op)).scratchBytes(op.getOperands());
}

class Reducer {
public:
  Reducer(Emitter& emitter, tt::ReduceOp reduce) : e(emitter), op(reduce), warps(partsOf(reduce)) {
    LinearLayout layout = e.layout(op.getSrcs()[0]);
    auto along = [&](uint32_t vector) { return layout.coordinate(vector, op.getAxis()) != 0; };
    for (unsigned bit = 0; bit < layout.registers.size(); ++bit)
      if (along(layout.registers[bit])) registerBits.push_back(bit);
    for (unsigned bit = 0; bit < laneBits; ++bit)
      if (along(layout.lanes[bit])) laneMasks.push_back(1u << bit);
    for (mlir::Value source : op.getSrcs())
      parts.push_back(e.of(source));
  }

  Result<void> run() {
    for (auto step : {&Reducer::withinThread, &Reducer::acrossLanes, &Reducer::acrossWarps})
      if (auto done = (this->*step)(); !done) return done;
    for (unsigned i = 0; i < parts.size(); ++i)
      e.set(op.getResult()[i], std::move(parts[i]));
    return {};
  }

private:
  Result<void> combine(std::vector<Registers> left, const std::vector<Registers>& right) {
    left.insert(left.end(), right.begin(), right.end());
    auto combined = e.combine(op.getCombineOp(), left);
    if (!combined) return fail(combined.error());
    parts = std::move(*combined);
    return {};
  }

  /// Halves the registers along each bit of the axis; the others keep their order.
  Result<void> withinThread() {
    for (unsigned bit : llvm::reverse(registerBits)) {
      std::vector<Registers> low(parts.size()), high(parts.size());
      for (size_t i = 0; i < parts.size(); ++i)
        for (size_t r = 0; r < parts[i].size(); ++r)
          (r >> bit & 1 ? high : low)[i].push_back(parts[i][r]);
      if (auto done = combine(std::move(low), high); !done) return done;
    }
    return {};
  }

  Result<void> acrossLanes() {
    for (unsigned mask : llvm::reverse(laneMasks)) {
      std::vector<Registers> others(parts.size());
      for (size_t i = 0; i < parts.size(); ++i)
        for (llvm::Value* value : parts[i])
          others[i].push_back(e.shuffleXor(value, mask));
      if (auto done = combine(parts, others); !done) return done;
    }
    return {};
  }

  /// Every warp writes its part of each result; after the barrier every thread reads all parts of its
  /// results.
  Result<void> acrossWarps() {
    if (warps.count() == 1) return {};
    auto areas = warps.areas(e, *op.getOperation(), op.getSrcs());
    for (size_t i = 0; i < parts.size(); ++i)
      for (uint32_t r = 0; r < parts[i].size(); ++r)
        warps.write(e, areas[i], r, e.toMemory(parts[i][r]));
    e.barrier();
    std::vector<std::vector<Registers>> byWarp(warps.count(), std::vector<Registers>(parts.size()));
    for (size_t i = 0; i < parts.size(); ++i)
      for (uint32_t r = 0; r < parts[i].size(); ++r)
        for (auto [w, value] : llvm::enumerate(warps.read(e, areas[i], r, op.getSrcs()[i].getType())))
          byWarp[w][i].push_back(value);
    for (; byWarp.size() > 1; byWarp.resize(byWarp.size() / 2))
      for (size_t w = 0; w < byWarp.size() / 2; ++w) {
        if (auto done = combine(byWarp[w], byWarp[w + byWarp.size() / 2]); !done) return done;
        byWarp[w] = parts;
      }
    return {};
  }

  Emitter& e;
  tt::ReduceOp op;
  WarpParts warps;
  std::vector<unsigned> registerBits, laneMasks; ///< of the layout, along the axis
  std::vector<Registers> parts;
};

Result<void> reduce(Emitter& e, mlir::Operation& op) {
  return Reducer(e, mlir::cast<tt::ReduceOp>(op)).run();
}

} // namespace

void addReductions(OpTable& table) {
  table["tt.reduce"] = {reduce, reduceScratch};
}

} // namespace tuned::nvptx
