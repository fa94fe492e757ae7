// The dialect nv, and the way between its encodings and LinearLayout.
#pragma once

#include "backend/gpu/layout/linear_layout.h"

#include <mlir/Bytecode/BytecodeOpInterface.h>
#include <mlir/IR/BuiltinTypes.h>
#include <mlir/IR/Dialect.h>
#include <mlir/IR/OpDefinition.h>
#include <mlir/IR/OpImplementation.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

#include "backend/nvptx/dialect/NvDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "backend/nvptx/dialect/NvAttrs.h.inc"

#define GET_OP_CLASSES
#include "backend/nvptx/dialect/NvOps.h.inc"

namespace tuned::nvptx {

/// The layout in the tensor's encoding; nothing when it has none (or the type is no tensor).
std::optional<LinearLayout> layoutOf(mlir::Type type);

/// The tensor type with `layout` as its encoding.
mlir::RankedTensorType withLayout(mlir::Type tensor, const LinearLayout& layout);

} // namespace tuned::nvptx
