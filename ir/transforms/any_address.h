// Builds that are right wherever a launch's buffers begin, and where these overlap.
#pragma once

#include <mlir/IR/BuiltinOps.h>

namespace tuned {

/// Takes back what a module says of its pointers: what divides them (tt.divisibility and its like, of
/// arguments and on operations) and that different arguments lie apart (tt.may_overlap from now on). What it
/// says of integers stays: those are of the problem, not of the buffers.
void forgetAddresses(mlir::ModuleOp module);

} // namespace tuned
