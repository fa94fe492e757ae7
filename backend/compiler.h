// The compiling half of a backend: a verified module becomes an artefact.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"

#include <functional>
#include <memory>
#include <string>

namespace mlir {
class ModuleOp;
}

namespace tuned {

/// Options of one compilation. The defaults are Triton's.
struct CompileOptions {
  std::string target;          ///< "sm_90a"; "cpu" is the host, with its features; "reference"
  int numWarps = 4;            ///< a power of two, 1 to 32; the CPU ignores it
  int numStages = 3;           ///< software pipelining depth; backends that do not pipeline ignore it
  int numCtas = 1;             ///< CTAs a cluster
  int maxRegisters = 0;        ///< per thread; 0: the assembler decides
  bool fuseMultiplyAdd = true; ///< contraction of mul and add, as Triton's enable_fp_fusion
  int assemblerLevel = 3;      ///< ptxas -O level (NVIDIA only): 0 to 3

  /// Stages to hand out as text on the way ("ttir", "layouts", "llvm", "ptx", "asm"): called as each is
  /// reached with (stage, text). May be empty.
  std::function<void(const std::string& stage, const std::string& text)> onStage = {};
  /// With onStage: names of passes after which the IR is handed out too (tunectl --print-after); "all" for
  /// each.
  std::string printAfter = {};
};

class Compiler {
public:
  virtual ~Compiler() = default;
  /// "cpu", "nvptx", "reference"
  virtual std::string backend() const = 0;
  /// Compiles the module's public function `entry` (empty: the only public one). The module is consumed:
  /// passes change it. Errors carry the location of the op at fault. Thread-safe if modules are of different
  /// contexts.
  virtual Result<Artefact> compile(mlir::ModuleOp module, const std::string& entry,
                                   const CompileOptions& options) = 0;
};

} // namespace tuned
