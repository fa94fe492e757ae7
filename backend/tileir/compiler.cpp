// Kernel IR → Tile IR bytecode → cubin.
#include "backend/compilation.h"
#include "backend/nvptx/cubin/cubin.h"
#include "backend/tileir/assemble/assembler.h"
#include "backend/tileir/emit/emitter.h"
#include "backend/tileir/tileir.h"
#include "ir/entry.h"
#include "ir/module.h"
#include "ir/text.h"
#include "ir/transforms/passes.h"
#include "ir/transforms/promote_views.h"

#include <algorithm>
#include <charconv>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/MathExtras.h>

namespace tuned::tileir {
namespace {

/// 90 for "sm_90".
int capabilityOf(const std::string& target) {
  int number = 0;
  std::from_chars(target.data() + 3, target.data() + target.size(), number);
  return number;
}

Result<void> checkOptions(const CompileOptions& options) {
  auto check = [](const char* name, int value, bool good, const char* range) -> Result<void> {
    if (good) return {};
    return fail(ErrorKind::InvalidInput, std::string(name) + " is " + std::to_string(value),
                std::string("give ") + range);
  };
  auto power = [](int value, int most) { return value >= 1 && value <= most && llvm::isPowerOf2_32(value); };
  int warps = options.workerWarps;
  for (auto checked :
       {check("num_warps", options.numWarps, power(options.numWarps, 32), "a power of two from 1 to 32"),
        check("num_ctas", options.numCtas, power(options.numCtas, 16), "a power of two from 1 to 16"),
        check("worker_warps", warps, warps == 0 || (warps >= 2 && power(warps, 16)), "2, 4, 8, 16 or 0"),
        check("occupancy", options.occupancy, options.occupancy >= 0 && options.occupancy <= 32, "0 to 32"),
        check("latency", options.latency, options.latency >= 0 && options.latency <= 10, "0 to 10")})
    if (!checked) return checked;
  return {};
}

EntryHints hintsOf(const CompileOptions& options) {
  constexpr int fewestWarps = 2, mostWarps = 16;
  EntryHints hints;
  hints.workerWarps =
      options.workerWarps > 0 ? options.workerWarps : std::clamp(options.numWarps, fewestWarps, mostWarps);
  hints.occupancy = options.occupancy;
  hints.clusterCtas = options.numCtas > 1 ? options.numCtas : 0;
  return hints;
}

/// Without a hint the assembler decides, which three stages, the default, leave it to.
int latencyOf(const CompileOptions& options) {
  constexpr int defaultStages = 3, longest = 10;
  if (options.latency > 0 || options.numStages == defaultStages) return options.latency;
  return std::clamp(options.numStages, 1, longest);
}

/// The function's name where the image may carry it.
std::string symbolOf(tt::FuncOp function) {
  std::string name = function.getName().str();
  bool plain = !name.empty() && !llvm::isDigit(name.front()) &&
               llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '$'; });
  return plain ? name : "kernel";
}

class Compilation {
public:
  Compilation(mlir::ModuleOp source, const CompileOptions& compileOptions)
      : module(source), options(compileOptions), clock(artefact.phaseSeconds) {}

  /// The artefact with bytecode in place of a cubin.
  Result<Artefact> emit(const std::string& entry) {
    if (options.anyAddress)
      return fail(ErrorKind::Unsupported, "Tile IR does not compile for any address",
                  "leave any_address to the compiler nvptx");
    auto target = assemblerTarget(options.target);
    if (!target) return fail(target.error());
    auto after = [&](const tuned::Pass& pass) { printAfter(pass.name); };
    if (auto done = runPasses(module, simplifyPasses(), after); !done) return fail(done.error());
    static constexpr tuned::Pass own[] = {{"decompose-scaled-dots", decomposeScaledDots}};
    if (auto done = runPasses(module, own, after); !done) return fail(done.error());
    auto function = findEntry(module, entry);
    if (!function) return fail(function.error());
    place = function->getLoc();
    std::vector<LaunchCondition> conditions;
    promoteToViews(*function, options.grid, conditions);
    static constexpr tuned::Pass cleaning[] = {{"canonicalize-views", canonicalize},
                                               {"eliminate-common-views", eliminateCommon}};
    if (auto done = runPasses(module, cleaning, after); !done) return fail(done.error());
    stage("ttir", [&] { return tuned::print(module); });
    clock.end("simplify");
    Module bytecode;
    Code code(bytecode);
    EntryHints hints = hintsOf(options);
    EmitOptions how{.capability = capabilityOf(*target),
                    .fuseMultiplyAdd = options.fuseMultiplyAdd,
                    .latency = latencyOf(options),
                    .clusterCtas = options.numCtas,
                    .workerWarps = hints.workerWarps,
                    .grid = options.grid,
                    .conditions = conditions};
    Emitter emitter(code, how, *function);
    if (auto done = emitter.run(); !done) return fail(done.error());
    std::string symbol = symbolOf(*function);
    bytecode.setEntry(symbol, emitter.parameters(), hints, code.body());
    artefact.format = "tileir";
    artefact.target = options.target;
    artefact.compiler = "tileir";
    artefact.bytes = bytecode.encode();
    artefact.launch.symbol = symbol;
    artefact.launch.parameters = parameterSlots(*function);
    artefact.launch.conditions = emitter.conditions();
    requireGrid(artefact.launch, options.grid);
    stage("bytecode", [&] { return artefact.bytes; });
    stage("tileir", [&] { return disassemble(artefact.bytes).value_or(""); });
    clock.end("emit");
    return std::move(artefact);
  }

  Result<Artefact> run(const std::string& entry) {
    // Stages need no assembler: they are handed out before it is sought.
    auto emitted = emit(entry);
    if (!emitted) return emitted;
    artefact = std::move(*emitted);
    auto assembler = findAssembler();
    if (!assembler) return fail(assembler.error());
    if (options.goOn && !options.goOn({codeOf(), 0}))
      return fail(ErrorKind::Denied, "the compilation was not to go on");
    // What the assembler refuses is the kernel's as a whole: it knows nothing of its lines.
    auto assembled = assemble(*assembler, artefact.bytes, options.target);
    if (!assembled) return fail(located(assembled.error(), place));
    auto kernel = nvptx::readCubin(assembled->cubin, artefact.launch.symbol);
    if (!kernel) return fail(located(kernel.error(), place));
    artefact.format = "cubin";
    artefact.bytes = std::move(assembled->cubin);
    artefact.assembler = "tileiras " + assembler->version;
    artefact.resources = {kernel->registers, kernel->staticSharedBytes, kernel->stackBytes};
    clock.end("assemble");
    return std::move(artefact);
  }

private:
  /// The bytecode, and the launches that it is for.
  std::string codeOf() const {
    std::string code = artefact.bytes + artefact.launch.symbol + " " + options.target;
    for (const LaunchCondition& condition : artefact.launch.conditions)
      code += " " + tuned::text(condition);
    return code;
  }
  template <typename Text> void stage(const char* name, Text text) {
    if (options.onStage) options.onStage(name, text());
  }
  void printAfter(const char* pass) {
    if (options.onStage && (options.printAfter == "all" || options.printAfter == pass))
      options.onStage(std::string("after ") + pass, tuned::print(module));
  }

  mlir::ModuleOp module;
  const CompileOptions& options;
  Artefact artefact;
  CompileClock clock;
  mlir::Location place = module.getLoc();
};

class TileIrCompiler : public Compiler {
public:
  explicit TileIrCompiler(bool toCubin) : assembles(toCubin) {}
  std::string backend() const override { return "tileir"; }

  Result<Artefact> compile(mlir::ModuleOp module, const std::string& entry,
                           const CompileOptions& options) override {
    if (auto checked = checkOptions(options); !checked) return fail(checked.error());
    Compilation compilation(module, options);
    return assembles ? compilation.run(entry) : compilation.emit(entry);
  }

private:
  bool assembles;
};

} // namespace

std::unique_ptr<Compiler> makeCompiler() {
  return std::make_unique<TileIrCompiler>(true);
}

std::unique_ptr<Compiler> makeEmitter() {
  return std::make_unique<TileIrCompiler>(false);
}

bool isPresent() {
  return findAssembler().has_value();
}

} // namespace tuned::tileir
