// The compiling half of a backend whose compiler reads the language itself: CUDA C++ becomes an artefact.
// Beside Compiler, which takes modules of kernel IR.
#pragma once

#include "backend/compiler.h"
#include "ir/frontends/cuda/variant.h"

namespace tuned {

class SourceCompiler {
public:
  virtual ~SourceCompiler() = default;
  /// "nvrtc"
  virtual std::string backend() const = 0;
  /// Its name and version: what a build's identity holds. Unavailable: its library is not on this machine.
  virtual Result<std::string> version() const = 0;
  /// Of the options target, maxRegisters, fuseMultiplyAdd, assemblerLevel and onStage ("log") count. Errors
  /// have the place in the source, or in the header, as the user wrote it.
  virtual Result<Artefact> compile(const CudaVariant& variant, const CompileOptions& options) = 0;
};

} // namespace tuned
