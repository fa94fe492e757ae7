// The scalar evaluator of kernel IR: a plain interpreter over host memory that shares no code with any code
// generator. It is what verdicts on CPU kernels and disagreements between backends are settled by.
#pragma once

#include "backend/compiler.h"
#include "backend/device.h"

#include <array>

namespace tuned {

struct ReferenceLimits {
  double seconds = 600; ///< a launch still running after that ends as TimedOut
};

/// Makes artefacts of format "ttir": the module, printed. Options other than onStage are ignored.
std::unique_ptr<Compiler> makeReferenceCompiler();

/// The device "reference": host memory, each access checked against the buffers allocated on it. Programs run
/// one after another, x fastest. Faulted names the op and the argument; the device stays usable.
std::unique_ptr<Device> openReferenceDevice(const ReferenceLimits& limits = {});

/// Host memory that an evaluation may touch, by absolute address.
struct HostBytes {
  uint64_t address = 0;
  size_t bytes = 0;
};

/// What an evaluation stored to: disjoint, in address order. The values are in the memory itself.
struct WrittenBytes {
  std::vector<HostBytes> ranges;
};

/// Runs the given programs of the module's public function `entry` (empty: the only one) on host memory and
/// tells which bytes they wrote, so that a sample of programs can judge the same bytes of a whole launch.
/// Pointer arguments are host addresses inside `memory`. Each program id is below `grid`.
Result<WrittenBytes> evaluate(mlir::ModuleOp module, const std::string& entry, const Grid& grid,
                              std::span<const ArgumentValue> arguments,
                              std::span<const std::array<int64_t, 3>> programs,
                              std::span<const HostBytes> memory, const ReferenceLimits& limits = {});

} // namespace tuned
