#include "backend/cpu/codegen.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/emit/emitter.h"
#include "backend/cpu/plan/callees.h"
#include "backend/cpu/plan/plan_text.h"
#include "backend/cpu/run/host.h"
#include "backend/llvm_errors.h"
#include "base/clock.h"
#include "ir/entry.h"
#include "ir/module.h"
#include "ir/text.h"
#include "ir/transforms/any_address.h"
#include "ir/transforms/passes.h"

#include <array>
#include <chrono>

namespace tuned::cpu {
namespace {

Error locatedError(mlir::Operation* op, ErrorKind kind, const std::string& message) {
  return located({kind, op->getName().getStringRef().str() + ": " + message}, op->getLoc());
}

// Tiles that this backend can index: powers of two, within Triton's limit, of elements it knows.
Result<void> checkTiles(mlir::ModuleOp module) {
  std::optional<Error> error;
  auto check = [&](mlir::Operation* op, mlir::Type type) {
    auto tile = mlir::dyn_cast<mlir::RankedTensorType>(type);
    mlir::Type element = tt::elementType(type);
    if (auto integer = mlir::dyn_cast<mlir::IntegerType>(element); integer && integer.getWidth() > 64)
      error = locatedError(op, ErrorKind::Unsupported, "integers wider than 64 bits");
    if (mlir::isa<mlir::FloatType>(element) && element.getIntOrFloatBitWidth() > 64)
      error = locatedError(op, ErrorKind::Unsupported, "floats wider than 64 bits");
    if (!tile) return;
    for (int64_t size : tile.getShape())
      if (size < 1 || (size & (size - 1)))
        error = locatedError(op, ErrorKind::InvalidInput,
                             "a tile's sizes must be powers of two, not " + std::to_string(size));
    if (tile.getNumElements() > tt::maxTileElements)
      error = locatedError(op, ErrorKind::InvalidInput,
                           "a tile of " + std::to_string(tile.getNumElements()) +
                               " elements; the limit is 1048576");
  };
  module.walk([&](mlir::Operation* op) {
    for (mlir::Type type : op->getResultTypes())
      check(op, type);
    for (mlir::Type type : op->getOperandTypes())
      check(op, type);
    return error ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  if (error) return tuned::fail(*error);
  return {};
}

std::vector<ParameterSlot> parametersOf(tt::FuncOp entry) {
  std::vector<ParameterSlot> slots;
  for (mlir::Type type : entry.getArgumentTypes()) {
    bool scalar = type.isIntOrFloat();
    slots.push_back(
        {scalar ? ParameterKind::Scalar : ParameterKind::Pointer, scalar ? int(storageBytes(type)) : 8});
  }
  return slots;
}

/// Of simplify()'s passes those without which there is code that this backend does not take.
constexpr std::array plainPasses = {
    Pass{"check-kernels", checkKernels}, Pass{"expand-operations", expandOperations},
    Pass{"expand-block-pointers", expandBlockPointers}, Pass{"fix-poison", fixPoison}};

class CpuCompiler : public Compiler {
public:
  std::string backend() const override { return "cpu"; }
  Result<Artefact> compile(mlir::ModuleOp module, const std::string& entry,
                           const CompileOptions& options) override;
};

Result<Artefact> CpuCompiler::compile(mlir::ModuleOp module, const std::string& entry,
                                      const CompileOptions& options) {
  Artefact artefact;
  artefact.format = "object";
  artefact.target = host().target;
  artefact.compiler = "cpu";
  auto start = std::chrono::steady_clock::now();
  if (auto checked = checkTiles(module); !checked) return std::unexpected(checked.error());
  if (options.anyAddress) forgetAddresses(module);
  bool plain = options.target == plainTarget;
  auto simple = plain ? runPasses(module, plainPasses) : simplify(module);
  if (!simple) return std::unexpected(simple.error());
  if (options.onStage) options.onStage("ttir", print(module));
  auto function = findEntry(module, entry);
  if (!function) return std::unexpected(function.error());
  auto callees = cloneCallees(*function);
  if (!callees) return fail(located(callees.error(), function->getLoc()));
  auto facts = plain ? tt::AxisInfoAnalysis() : tt::AxisInfoAnalysis(*function, tt::Hints::NotOfWrapped);
  artefact.phaseSeconds["passes"] = secondsSince(start);

  start = std::chrono::steady_clock::now();
  Plan plan(*function, *callees, plain ? nullptr : &facts);
  if (options.onStage) options.onStage("plan", describe(*function, plan));
  llvm::LLVMContext context;
  LlvmErrors errors(context);
  llvm::Module code("kernel", context);
  // With a dot in it the name cannot be that of a function the code calls: kernels may be called expf.
  artefact.launch.symbol = "kernel." + function->getName().str();
  Emitter emitter(code, plan, *callees, facts, options.fuseMultiplyAdd);
  if (auto emitted = emitter.emit(*function, artefact.launch.symbol); !emitted)
    return fail(located(emitted.error(), function->getLoc()));
  artefact.phaseSeconds["emit"] = secondsSince(start);

  auto object = generateObject(code, {options.fuseMultiplyAdd, options.onStage}, artefact.phaseSeconds);
  if (!object) return fail(located(object.error(), function->getLoc()));
  if (auto refused = errors.take()) return fail(located(*refused, function->getLoc()));
  artefact.bytes = std::move(*object);
  artefact.launch.scratchBytes = plan.scratchBytes();
  artefact.launch.parameters = parametersOf(*function);
  artefact.launch.conditions = plan.conditions();
  return artefact;
}

} // namespace

std::unique_ptr<Compiler> makeCompiler() {
  return std::make_unique<CpuCompiler>();
}

} // namespace tuned::cpu
