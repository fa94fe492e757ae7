// NVIDIA's device library of mathematical functions (libdevice.10.bc), found in the toolkit at run time.
#pragma once

#include "base/error.h"

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace tuned::nvptx {

/// Brings in what the module calls of the library (`__nv_…`), inlined, denormals flushed as Triton does; does
/// nothing when it calls none. Unavailable: no library here. NotFound: it has no such function.
Result<void> linkLibdevice(llvm::Module& module, llvm::TargetMachine& machine);

} // namespace tuned::nvptx
