// What counted loops need to know about the end of their counter's type.
#pragma once

#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::tt {

/// Whether the counter plus the step may pass the end of its type after the last round, so that comparing the
/// sum with the upper bound would go on. Told from constants: a step of one never does, nor do bounds that
/// leave room. `upperLimit`: what the upper bound is known not to exceed, if anything (signed loops only).
bool counterMayWrap(mlir::scf::ForOp loop, std::optional<int64_t> upperLimit = std::nullopt);

/// The largest upper bound of a signed loop with which its counter never wraps; nothing where the step is no
/// positive constant.
std::optional<int64_t> largestUpperBound(mlir::scf::ForOp loop);

} // namespace tuned::tt
