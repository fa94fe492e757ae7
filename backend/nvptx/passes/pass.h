// Passes of this backend over one function, one a file, run in the order of pipeline.cpp.
#pragma once

#include "backend/nvptx/target.h"
#include "ir/dialect/Dialect.h"

namespace tuned::nvptx {

struct PassContext {
  tt::FuncOp function;
  const Target& target;
  unsigned numWarps = 4;
  unsigned numStages = 1;
  int64_t sharedBytes = 0; ///< set by allocate-shared
};

/// How the dot is computed here (dot_plan.h).
struct DotPlan;
DotPlan dotPlan(tt::DotOp dot, const PassContext& context);

struct Pass {
  const char* name; ///< as tunectl --print-after takes it
  Result<void> (*run)(PassContext&);
};

/// tt.dot_scaled becomes a tt.dot of operands that were widened and scaled.
Result<void> decomposeScaledDots(PassContext& context);
Result<void> orderReductions(PassContext& context);
/// A loop that runs at most once becomes a condition.
Result<void> unrollSingleIterations(PassContext& context);
/// In loops around dots, loads go one iteration ahead (numStages of 3 and more).
Result<void> prefetchLoads(PassContext& context);
/// Gives every tensor type a layout: coalesced at loads and stores, fragments at dots, and their neighbours
/// follow. Operations without results carry theirs as the attribute `nv.layout`; dots by multiply-adds are
/// marked `nv.scalar`.
Result<void> assignLayouts(PassContext& context);
/// A conversion wherever an operand is in another layout than its operation reads.
Result<void> insertConversions(PassContext& context);
/// Conversions go where they cost least: cheap producers are computed again in the other layout, and what is
/// left moves to where fewer bytes pass.
Result<void> removeConversions(PassContext& context);
/// The conversions of a dot's two operands become one operation: one wait, and both can be read as the tensor
/// cores go.
Result<void> groupConversions(PassContext& context);
/// In loops that carry `tt.num_stages` and have no dots, loads go ahead, in registers or by asynchronous
/// copies.
Result<void> pipelineLoads(PassContext& context);
/// OutOfResources at the operation with which the unrolled kernel grows beyond what can be compiled.
Result<void> limitSize(PassContext& context);
/// Places every operation's scratch memory (attribute `nv.scratch`, a byte offset) and, behind it, private
/// memory (`nv.offset`). OutOfResources names the limit.
Result<void> allocateShared(PassContext& context);
/// Bytes of shared memory that the operations' scratch takes.
int64_t scratchBytes(tt::FuncOp function);
/// nv.barrier wherever shared memory is written while another thread may still be at what was there.
Result<void> insertBarriers(PassContext& context);

} // namespace tuned::nvptx
