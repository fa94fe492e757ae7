// The NVIDIA compiler: kernel IR to cubins, on machines without a GPU too. Free of LLVM, so that the registry
// can name it.
#pragma once

#include "backend/compiler.h"

namespace tuned::nvptx {

/// For targets "sm_80" to "sm_120a".
std::unique_ptr<Compiler> makeCompiler();

} // namespace tuned::nvptx
