#include "backend/nvptx/passes/live_registers.h"

#include "backend/nvptx/dialect/nv.h"
#include "ir/analysis/live_values.h"

#include <bit>

namespace tuned::nvptx {
namespace {

constexpr int64_t registerBits = 32;
constexpr int64_t besides = 32; ///< addresses, counters, masks

/// Of one thread; replicas share a register.
int64_t registersOf(mlir::Value value) {
  if (!tt::isKept(value)) return 0;
  auto layout = layoutOf(value.getType());
  if (!layout) return 0;
  const int64_t elements = layout->registerCount() >> std::popcount(freeVariables(*layout).registers);
  return (elements * tt::elementBits(value.getType()) + registerBits - 1) / registerBits;
}

} // namespace

int64_t liveRegisters(tt::FuncOp function) {
  int64_t most = 0;
  for (mlir::Block& block : function.getBody())
    most = std::max(most, tt::mostLive(block, registersOf));
  return most + besides;
}

} // namespace tuned::nvptx
