// The layouts of a dot's operands and result that follow from the instruction it becomes.
#pragma once

#include "backend/nvptx/layout/linear_layout.h"
#include "backend/nvptx/target.h"
#include "ir/dialect/Dialect.h"

namespace tuned::nvptx {

struct DotLayouts {
  LinearLayout a, b, d; ///< c is as d
};
DotLayouts dotLayouts(tt::DotOp dot, const Target& target, unsigned numWarps);

} // namespace tuned::nvptx
