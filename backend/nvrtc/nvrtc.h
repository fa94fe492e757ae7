// CUDA C++ to cubins with NVIDIA's NVRTC, which is opened at run time.
#pragma once

#include "backend/source_compiler.h"

namespace tuned::nvrtc {

std::unique_ptr<SourceCompiler> makeCompiler();

/// Whether NVRTC is on this machine and new enough.
bool present();

} // namespace tuned::nvrtc
