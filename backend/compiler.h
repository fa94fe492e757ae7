// The compiling half of a backend: a verified module becomes an artefact.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mlir {
class ModuleOp;
}

namespace tuned {

/// A build when all that is left of it is for others' optimisers and assemblers, which take most of the time.
struct Lowered {
  std::string code;      ///< what becomes one and the same build is the same here
  int64_t registers = 0; ///< that a thread needs by what is live at one time, about; 0: nobody can tell
};

/// Options of one compilation. The defaults are Triton's.
struct CompileOptions {
  std::string target;          ///< "sm_90a"; "cpu" is the host, with its features; "reference"
  int numWarps = 4;            ///< a power of two, 1 to 32; the CPU ignores it
  int numStages = 3;           ///< software pipelining depth; backends that do not pipeline ignore it
  int numCtas = 1;             ///< CTAs per program (a cluster): 1, 2, 4, 8 or 16; only Tile IR reads it
  int maxRegisters = 0;        ///< per thread; 0: the assembler decides
  bool fuseMultiplyAdd = true; ///< contraction of mul and add, as Triton's enable_fp_fusion
  int assemblerLevel = 3;      ///< ptxas -O level (NVIDIA only): 0 to 3

  /// Which of the target's compilers: "nvptx", "tileir"; empty: the target's own (registry.h).
  std::string compiler = {};
  /// Hints that only Tile IR reads. 0: told from the options above.
  int workerWarps = 0; ///< warps that compute, beside those that copy: 4, 8 or 16; 0: as numWarps says
  int occupancy = 0;   ///< CTAs a multiprocessor should hold, 1 to 32; 0: not said
  int latency = 0;     ///< how early loads are issued, 1 to 10; 0: as numStages says

  /// Nothing is taken for granted of pointers: not what divides them, nor that they lie apart.
  bool anyAddress = false;

  /// Programs along each axis, each at least 1. A build is for exact sizes, so its grid is known: a compiler
  /// may prove facts by going through all program ids. Absent where no launch is known (bare kernel IR).
  std::optional<std::array<int64_t, 3>> grid = {};

  /// Asked once, before what takes long; false ends the compilation, with Denied. May be empty.
  std::function<bool(const Lowered&)> goOn = {};

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
  /// "cpu", "nvptx", "tileir", "reference"
  virtual std::string backend() const = 0;
  /// Compiles the module's public function `entry` (empty: the only public one). The module is consumed:
  /// passes change it. Errors carry the location of the op at fault. Thread-safe if modules are of different
  /// contexts.
  virtual Result<Artefact> compile(mlir::ModuleOp module, const std::string& entry,
                                   const CompileOptions& options) = 0;
};

} // namespace tuned
