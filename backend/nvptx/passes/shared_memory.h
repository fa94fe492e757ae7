// The function's dealings with shared memory as data (shared/program.h), and where its points are in the IR.
#pragma once

#include "backend/gpu/shared/program.h"
#include "backend/nvptx/passes/global_memory.h"
#include "backend/nvptx/passes/pass.h"

namespace tuned::nvptx {

struct SharedModel {
  SharedProgram program;
  std::vector<mlir::Operation*> owners;  ///< by buffer: the operation whose scratch it is
  std::vector<mlir::Operation*> inFront; ///< by point: a barrier in front of the point goes in front of this
};

/// From the rows of op_table.h and the regions' and blocks' control flow. Operations that do not touch shared
/// memory have no points.
SharedModel sharedModel(tt::FuncOp function);
/// With the accesses to global memory that conflict: each is a buffer of its own, numbered behind the
/// owners', and buffers meet as GlobalMemory says.
SharedModel sharedModel(tt::FuncOp function, const GlobalMemory& global);

/// Whether the operation itself accesses shared memory or waits for other threads.
bool touchesShared(mlir::Operation& op);

/// The byte offset of an operation's scratch: attribute `nv.scratch`, which allocate-shared sets.
void setScratchOffset(mlir::Operation& op, uint32_t offset);
uint32_t scratchOffset(mlir::Operation& op);

} // namespace tuned::nvptx
