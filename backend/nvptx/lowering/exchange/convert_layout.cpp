// nv.convert_layout: writes the conversion's plan (layout/conversion.h) as instructions. And the CTA's
// barriers.
#include "backend/gpu/layout/conversion.h"
#include "backend/nvptx/lowering/exchange/exchange_code.h"
#include "backend/nvptx/lowering/memory/access.h"

namespace tuned::nvptx {
namespace {

Conversion planOf(ConvertLayoutOp op, unsigned bytes) {
  return planConversion(*layoutOf(op.getSrc().getType()), *layoutOf(op.getType()), bytes);
}

unsigned bytesInMemory(mlir::Type type) {
  return std::max(8u, tt::elementBits(tt::elementType(type))) / 8;
}

uint32_t convertScratch(mlir::Operation& op) {
  auto convert = mlir::cast<ConvertLayoutOp>(op);
  return scratchBytes(planOf(convert, bytesInMemory(convert.getType())));
}

/// The registers a thread may take, one after the other selected by the bits on which the choice depends.
Registers warpMove(Emitter& e, const WarpMove& move, const Registers& source, unsigned count) {
  auto& b = e.builder;
  Bases choices = move.sourceRegister.fromLane; // distinct ways in which the thread changes the register
  choices.insert(choices.end(), move.sourceRegister.fromWarp.begin(), move.sourceRegister.fromWarp.end());
  choices = independent(choices, {});
  // Bit i of `choice` says whether choices[i] is in this thread's sum.
  Span span(choices);
  auto coordinates = [&](const Bases& bases) {
    Bases result;
    for (uint32_t vector : bases)
      result.push_back(static_cast<uint32_t>(*span.coordinates(vector)));
    return result;
  };
  llvm::Value* choice =
      e.linear(coordinates(move.sourceRegister.fromLane), coordinates(move.sourceRegister.fromWarp));
  llvm::Value* lanePart = e.linear(move.sourceLane.fromLane, move.sourceLane.fromWarp);
  Registers result(count);
  for (uint32_t r = 0; r < count; ++r) {
    uint32_t fixed = combine(move.sourceRegister.fromRegister, r);
    uint32_t laneFixed = combine(move.sourceLane.fromRegister, r);
    std::vector<llvm::Value*> candidates(1u << choices.size());
    for (uint32_t c = 0; c < candidates.size(); ++c) {
      candidates[c] = source[fixed ^ combine(choices, c)];
      if (!move.withinThread())
        candidates[c] = e.shuffle(candidates[c], laneFixed ? b.CreateXor(lanePart, laneFixed) : lanePart);
    }
    for (size_t bit = choices.size(); bit-- > 0;) {
      llvm::Value* set = b.CreateICmpNE(b.CreateAnd(choice, 1u << bit), b.getInt32(0));
      for (uint32_t c = 0; c < 1u << bit; ++c)
        candidates[c] = b.CreateSelect(set, candidates[c | 1u << bit], candidates[c]);
    }
    result[r] = candidates[0];
  }
  return result;
}

Result<void> convert(Emitter& e, mlir::Operation& op) {
  auto conversion = mlir::cast<ConvertLayoutOp>(op);
  LinearLayout to = e.layout(conversion.getResult());
  Conversion plan = planOf(conversion, bytesInMemory(conversion.getType()));
  const Registers& source = e.of(conversion.getSrc());
  if (auto* move = std::get_if<WarpMove>(&plan)) {
    e.set(conversion.getResult(), warpMove(e, *move, source, to.registerCount()));
    return {};
  }
  const auto& exchange = std::get<SharedExchange>(plan);
  llvm::Value* memory = e.scratch(op);
  storeShared(e, exchange, memory, source);
  e.barrier();
  e.set(conversion.getResult(), loadShared(e, exchange, memory, to, conversion.getType()));
  return {};
}

SharedExchange exchangeOf(mlir::Value from, mlir::Value to) {
  return planExchange(*layoutOf(from.getType()), *layoutOf(to.getType()), bytesInMemory(to.getType()));
}

/// Tiles lie one behind the other, each from a new row of banks on.
uint32_t tileBytes(const SharedExchange& plan) {
  return llvm::alignTo<128>(plan.bytes);
}

uint32_t groupScratch(mlir::Operation& op) {
  uint32_t bytes = 0;
  for (auto [from, to] : llvm::zip(op.getOperands(), op.getResults()))
    bytes += tileBytes(exchangeOf(from, to));
  return bytes;
}

Result<void> convertGroup(Emitter& e, mlir::Operation& op) {
  std::vector<SharedExchange> plans;
  std::vector<llvm::Value*> tiles;
  uint32_t offset = 0;
  for (auto [from, to] : llvm::zip(op.getOperands(), op.getResults())) {
    plans.push_back(exchangeOf(from, to));
    tiles.push_back(e.builder.CreateConstInBoundsGEP1_32(e.builder.getInt8Ty(), e.scratch(op), offset));
    offset += tileBytes(plans.back());
    storeShared(e, plans.back(), tiles.back(), e.of(from));
  }
  e.barrier();
  for (auto [i, to] : llvm::enumerate(op.getResults()))
    e.set(to, loadShared(e, plans[i], tiles[i], e.layout(to), to.getType()));
  return {};
}

Result<void> barrier(Emitter& e, mlir::Operation&) {
  e.barrier();
  return {};
}

SharedPhases barrierPhases(mlir::Operation&) {
  return {{}, {}};
}

} // namespace

void addConvert(OpTable& table) {
  table["nv.convert_layout"] = {convert, convertScratch};
  table["nv.convert_layouts"] = {convertGroup, groupScratch};
  table["nv.barrier"] = {barrier, nullptr, barrierPhases};
  table["gpu.barrier"] = {barrier, nullptr, barrierPhases};
}

} // namespace tuned::nvptx
