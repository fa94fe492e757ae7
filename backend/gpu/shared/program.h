// What a kernel does to shared memory, as data: buffers, and the points of its control flow at which all
// threads access them. Places of buffers (place_buffers.h) and of barriers (place_barriers.h) are computed
// from it alone, whether a buffer is the scratch memory of one operation or outlives many.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace tuned::nvptx {

struct SharedBuffer {
  uint32_t bytes = 0;
  uint32_t alignment = 16; ///< of its offset; a power of two
};

/// What some threads do to a buffer. A write without a read starts its contents anew: what was there is not
/// needed. A write that keeps a part of the contents both reads and writes.
struct BufferAccess {
  uint32_t buffer = 0;
  bool reads = false, writes = false;
};

/// Accesses with no barrier in between: each thread does its own when it comes to them.
using Phase = std::vector<BufferAccess>;

/// A place in the control flow, an operation say.
struct SharedPoint {
  std::vector<Phase> phases = {{}}; ///< one or more; all threads wait for each other between two
  std::vector<uint32_t> successors; ///< points that may come next; all threads take the same way
  std::optional<uint32_t> loop;     ///< the point in front of the innermost loop around this one
};

/// An asynchronous operation accesses its buffer where it is issued and where it is waited for.
struct SharedProgram {
  std::vector<SharedBuffer> buffers;
  std::vector<SharedPoint> points; ///< in program order; the first is the entry

  /// Loops around a point.
  unsigned depth(uint32_t point) const;
};

/// Points at which each buffer holds what is read later, or is accessed: ascending, by buffer.
std::vector<std::vector<uint32_t>> livePoints(const SharedProgram& program);

/// Accesses, by buffer, that some thread may still be at: since them no barrier has passed on some path.
using Pending = std::map<uint32_t, BufferAccess>;

/// What is pending in front of each point. `barriers[p]`: a barrier stands in front of point p; what is
/// pending there is what the barrier ends. The least fixpoint over all paths.
std::vector<Pending> pendingAccesses(const SharedProgram& program, const std::vector<bool>& barriers);

/// Whether the two may not be at once where their buffers share a byte.
inline bool excludes(const BufferAccess& a, const BufferAccess& b) {
  return a.writes || b.writes;
}

} // namespace tuned::nvptx
