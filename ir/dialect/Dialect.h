// The dialect tt: its types, words and operations. Operand names are those of the .td files.
#pragma once

#include "ir/dialect/Shapes.h"

#include <mlir/Bytecode/BytecodeOpInterface.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/BuiltinAttributes.h>
#include <mlir/IR/BuiltinTypes.h>
#include <mlir/IR/Dialect.h>
#include <mlir/IR/OpDefinition.h>
#include <mlir/IR/OpImplementation.h>
#include <mlir/IR/SymbolTable.h>
#include <mlir/Interfaces/CallInterfaces.h>
#include <mlir/Interfaces/ControlFlowInterfaces.h>
#include <mlir/Interfaces/FunctionInterfaces.h>
#include <mlir/Interfaces/InferTypeOpInterface.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace tuned::tt {

/// What assertions and prints act upon: outside, in order.
struct GlobalMemory : mlir::SideEffects::Resource::Base<GlobalMemory> {
  llvm::StringRef getName() final { return "<outside>"; }
};

} // namespace tuned::tt

#include "ir/dialect/Enums.h.inc"

#include "ir/dialect/Dialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "ir/dialect/Types.h.inc"

#define GET_OP_CLASSES
#include "ir/dialect/ControlOps.h.inc"
#define GET_OP_CLASSES
#include "ir/dialect/DescriptorOps.h.inc"
#define GET_OP_CLASSES
#include "ir/dialect/DotOps.h.inc"
#define GET_OP_CLASSES
#include "ir/dialect/MemoryOps.h.inc"
#define GET_OP_CLASSES
#include "ir/dialect/ReduceOps.h.inc"
#define GET_OP_CLASSES
#include "ir/dialect/TensorOps.h.inc"
