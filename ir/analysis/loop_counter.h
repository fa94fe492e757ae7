// What counted loops need to know about the end of their counter's type.
#pragma once

#include <mlir/Dialect/SCF/IR/SCF.h>

namespace tuned::tt {

/// Whether the counter plus the step may pass the end of its type after the last round, so that comparing the
/// sum with the upper bound would go on. Told from constants: a step of one never does, nor do bounds that
/// leave room. `upperLimit`: what the upper bound is known not to exceed, if anything (signed loops only).
bool counterMayWrap(mlir::scf::ForOp loop, std::optional<int64_t> upperLimit = std::nullopt);

/// Whether the bounds of a signed loop may lie further apart than the largest number of their type, told from
/// constants and program ids. NVIDIA's ptxas compares that distance with a sign when it unrolls (13.0
/// and 13.5), and leaves rounds out where it wraps. A step of one would never get there.
bool boundsMayBeFarApart(mlir::scf::ForOp loop);

/// A bound of a signed loop is at least `least` and at most `most`.
struct BoundRange {
  int64_t least, most;
};

/// The bounds of a signed loop whose counter never wraps, nor would `ahead` rounds before the first and after
/// the last: not less than `least` (the lower one), not more than `most` (the upper one). Nothing where the
/// step is no positive constant.
std::optional<BoundRange> boundsWithRoom(mlir::scf::ForOp loop, int64_t ahead = 0);

} // namespace tuned::tt
