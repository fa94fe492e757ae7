// The compiling half of the backend "reference", and evaluate(): what needs the module.
#include "backend/reference/decode.h"
#include "backend/reference/evaluate.h"
#include "base/clock.h"
#include "ir/module.h"

#include <chrono>

namespace tuned {
namespace {

class ReferenceCompiler final : public Compiler {
public:
  std::string backend() const override { return "reference"; }

  Result<Artefact> compile(mlir::ModuleOp module, const std::string& entry,
                           const CompileOptions& options) override {
    auto start = std::chrono::steady_clock::now();
    auto kernel = reference::decode(module, entry); // so that what it cannot run is an error now
    if (!kernel) return fail(kernel.error());
    Artefact artefact;
    artefact.format = "ttir";
    artefact.compiler = "reference";
    artefact.target = "reference";
    artefact.bytes = print(module, true);
    artefact.launch.symbol = (*kernel)->name;
    for (const reference::Type& type : (*kernel)->argumentTypes) {
      bool address = type.kind == reference::Kind::Pointer;
      artefact.launch.parameters.push_back(
          {address ? ParameterKind::Pointer : ParameterKind::Scalar, reference::byteWidth(type.kind)});
    }
    if (options.onStage) options.onStage("ttir", artefact.bytes);
    artefact.phaseSeconds["decode"] = secondsSince(start);
    return artefact;
  }
};

} // namespace

std::unique_ptr<Compiler> makeReferenceCompiler() {
  return std::make_unique<ReferenceCompiler>();
}

Result<WrittenBytes> evaluate(mlir::ModuleOp module, const std::string& entry, const Grid& grid,
                              std::span<const ArgumentValue> arguments,
                              std::span<const std::array<int64_t, 3>> programs,
                              std::span<const HostBytes> pieces, const ReferenceLimits& limits) {
  auto kernel = reference::decode(module, entry);
  if (!kernel) return fail(kernel.error());
  auto lanes = reference::argumentLanes(**kernel, arguments);
  if (!lanes) return fail(lanes.error());
  reference::Memory memory;
  reference::addMemory(memory, **kernel, arguments, pieces);
  memory.recordWrites();
  if (auto ran = reference::runPrograms(**kernel, memory, grid, *lanes, programs, limits); !ran)
    return fail(ran.error());
  WrittenBytes written;
  for (const auto& range : memory.written())
    written.ranges.push_back({range.address, range.bytes});
  return written;
}

} // namespace tuned
