// A tile in memory that is private to each thread: vector v of thread t lies at (v · threads + t) · vector
// bytes, which meets every bank once. How nv.copy_async and nv.read_copy see it, and what can be copied so.
#pragma once

#include "backend/nvptx/lowering/memory/access.h"

namespace tuned::nvptx {

struct PrivateTile {
  VectorPlan plan;
  unsigned vectorBytes; ///< of one thread's vector

  unsigned stride(unsigned threads) const { return threads * vectorBytes; } ///< from vector to vector
  int64_t bytes(unsigned threads) const { return static_cast<int64_t>(plan.bases.size()) * stride(threads); }
};

/// The tile of values of type `tensor` (with a layout) that `access` moves in the vectors its `nv.vector`
/// allows.
PrivateTile privateTile(mlir::Operation& access, mlir::Type tensor);

/// Whether asynchronous copies take the place of the load: its vectors have 4, 8 or 16 bytes, and nothing is
/// asked of caches that the copies cannot do.
bool copiesAsync(tt::LoadOp load);

} // namespace tuned::nvptx
