#include "backend/tileir/emit/promises.h"

#include <algorithm>

namespace tuned::tileir {

void tellPromises(Emitter& e, mlir::Operation& op) {
  const bool promised = op.getDiscardableAttr("tt.divisibility") || op.getDiscardableAttr("tt.contiguity");
  if (!promised || op.getNumResults() != 1) return;
  const mlir::Value result = op.getResult(0);
  if (!mlir::isa<mlir::IntegerType, tt::PointerType>(mlir::getElementTypeOrSelf(result))) return;
  const Value tile = e.of(result);
  const tt::AxisInfo& facts = e.facts.of(result);
  const size_t rank = std::max<size_t>(1, e.types.shape(tile.type).size());
  if (facts.rank() != rank) return; // a scalar that is a tile here: nothing is known of its elements
  const auto longest = std::ranges::max_element(facts.contiguity);
  const auto along = static_cast<size_t>(longest - facts.contiguity.begin());
  constexpr int64_t most = 128; // bytes: no access is wider
  const int64_t divisor = std::min(facts.divisibility[along], most);
  if (divisor <= 1) return;
  std::optional<Code::Run> run;
  if (*longest > 1) run = {*longest, static_cast<int64_t>(along)};
  e.set(result, e.code.assumeDivisible(tile, divisor, run));
}

} // namespace tuned::tileir
