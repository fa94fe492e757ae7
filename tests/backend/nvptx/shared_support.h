// Random kernels as far as shared memory is concerned, and a machine that runs them: threads that keep no
// pace, held together by barriers alone.
#pragma once

#include "backend/gpu/shared/place_barriers.h"

#include <rapidcheck.h>

namespace tuned::nvptx {

/// A piece of a structured program.
struct Piece {
  enum class Kind { Access, Loop, Branch } kind = Kind::Access;
  uint32_t point = 0;                     ///< the access, or the place in front of the loop or branch
  std::vector<std::vector<Piece>> bodies; ///< a loop has one, a branch two
};

struct StructuredProgram {
  SharedProgram shared;
  std::vector<Piece> body;
};

/// A few operations with scratch memory of their own, and buffers that are written in one place and read in
/// others; loops and branches to `depth`.
StructuredProgram randomProgram(unsigned depth, uint32_t largestBuffer);

/// One execution: points in the order all threads come to them.
using Trace = std::vector<uint32_t>;

/// Executions in which each loop runs none to two times and each branch goes either way; all of them if there
/// are no more than `limit`. `complete`: they are all.
std::vector<Trace> traces(const StructuredProgram& program, size_t limit, bool& complete);

/// Whether in this execution two threads may be at the same byte at once and one of them writes it.
bool races(const SharedProgram& program, const SharedPlacement& placement,
           const std::vector<uint32_t>& barriers, const Trace& trace);

/// Runs an execution on three threads whose pace `seed` makes random. Every thread writes its part of a
/// buffer and reads all of it. True when all that is read is what was last written to that buffer.
bool readsWhatWasWritten(const SharedProgram& program, const SharedPlacement& placement,
                         const std::vector<uint32_t>& barriers, const Trace& trace, unsigned seed);

} // namespace tuned::nvptx
