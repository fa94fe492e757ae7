// Reductions: within the thread in chains, across lanes by shuffles, across warps by one exchange through
// shared memory.
#include "backend/nvptx/lowering/exchange/warp_parts.h"

namespace tuned::nvptx {
namespace {

/// Chains in which a thread sums its registers: enough to hide an addition's latency.
constexpr unsigned chainBits = 2;
constexpr unsigned lanes = 1u << laneBits;

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
    for (auto step : {&Reducer::withinThread, &Reducer::withinWarp, &Reducer::acrossWarps})
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

  /// Along the axis the registers are summed in a few chains side by side, in the order in which they are
  /// loaded, and then the chains: a chain of sums of products is one of fused multiply-adds, and only its end
  /// is held. The other registers keep their order.
  Result<void> withinThread() {
    size_t chained = std::min<size_t>(registerBits.size(), chainBits), total = parts.front().size();
    std::vector<std::vector<Registers>> links(size_t{1} << (registerBits.size() - chained),
                                              std::vector<Registers>(parts.size()));
    for (size_t r = 0; r < total; ++r) {
      size_t link = 0;
      for (size_t bit = chained; bit < registerBits.size(); ++bit)
        link |= (r >> registerBits[bit] & 1) << (bit - chained);
      for (size_t i = 0; i < parts.size(); ++i)
        links[link][i].push_back(parts[i][r]);
    }
    parts = links.front();
    for (size_t link = 1; link < links.size(); ++link)
      if (auto done = combine(parts, links[link]); !done) return done;
    for (size_t bit = chained; bit-- > 0;)
      if (auto done = halve(registerBits[bit]); !done) return done;
    return {};
  }

  /// Sums the registers with and without a bit; bits above it are no longer there or not of the axis.
  Result<void> halve(unsigned bit) {
    std::vector<Registers> low(parts.size()), high(parts.size());
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t r = 0; r < parts[i].size(); ++r)
        (r >> bit & 1 ? high : low)[i].push_back(parts[i][r]);
    return combine(std::move(low), high);
  }

  Result<void> withinWarp() {
    for (unsigned mask : llvm::reverse(laneMasks))
      if (auto done = acrossLanes(mask); !done) return done;
    return {};
  }

  Result<void> acrossLanes(unsigned mask) {
    std::vector<Registers> others(parts.size());
    for (size_t i = 0; i < parts.size(); ++i)
      for (llvm::Value* value : parts[i])
        others[i].push_back(e.shuffleXor(value, mask));
    return combine(parts, others);
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
    return warps.count() == lanes && !warps.lanesDiffer() ? partALane(areas) : partsAThread(areas);
  }

  /// As many warps as lanes, and all lanes want the same results: each lane takes one part, and shuffles do
  /// the rest in fewer instructions than every thread's adding up 32 parts.
  Result<void> partALane(const std::vector<llvm::Value*>& areas) {
    for (size_t i = 0; i < parts.size(); ++i)
      for (uint32_t r = 0; r < parts[i].size(); ++r)
        parts[i][r] = warps.readOne(e, areas[i], r, op.getSrcs()[i].getType(), e.lane());
    for (unsigned mask = lanes / 2; mask > 0; mask /= 2)
      if (auto done = acrossLanes(mask); !done) return done;
    return {};
  }

  /// Every thread reads all parts and sums them in chains.
  Result<void> partsAThread(const std::vector<llvm::Value*>& areas) {
    unsigned chains = std::min(warps.count(), 1u << chainBits);
    size_t results = parts.front().size();
    std::vector<std::vector<Registers>> links(warps.count() / chains);
    for (auto& link : links)
      link.assign(parts.size(), Registers(chains * results));
    for (size_t i = 0; i < parts.size(); ++i)
      for (uint32_t r = 0; r < results; ++r)
        for (auto [w, value] : llvm::enumerate(warps.read(e, areas[i], r, op.getSrcs()[i].getType())))
          links[w / chains][i][w % chains * results + r] = value;
    parts = links.front();
    for (size_t link = 1; link < links.size(); ++link)
      if (auto done = combine(parts, links[link]); !done) return done;
    for (; chains > 1; chains /= 2) {
      auto middle = static_cast<std::ptrdiff_t>(chains / 2 * results);
      std::vector<Registers> low, high;
      for (const Registers& part : parts) {
        low.emplace_back(part.begin(), part.begin() + middle);
        high.emplace_back(part.begin() + middle, part.end());
      }
      if (auto done = combine(std::move(low), high); !done) return done;
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
