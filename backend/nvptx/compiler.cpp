// Kernel IR → layouts → LLVM IR → PTX → cubin.
#include "backend/compilation.h"
#include "backend/llvm_errors.h"
#include "backend/nvptx/cubin/assemble.h"
#include "backend/nvptx/cubin/cubin.h"
#include "backend/nvptx/lowering/emitter.h"
#include "backend/nvptx/nvptx.h"
#include "backend/nvptx/passes/live_registers.h"
#include "backend/nvptx/passes/pipeline.h"
#include "backend/nvptx/ptx/codegen.h"
#include "backend/nvptx/ptx/libdevice.h"
#include "backend/nvptx/ptx/occupancy.h"
#include "ir/entry.h"
#include "ir/kernel/grid.h"
#include "ir/module.h"
#include "ir/text.h"
#include "ir/transforms/any_address.h"
#include "ir/transforms/passes.h"

#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

namespace tuned::nvptx {
namespace {

Result<void> checkOptions(const CompileOptions& options) {
  bool power = options.numWarps >= 1 && options.numWarps <= 32 && llvm::isPowerOf2_32(options.numWarps);
  if (!power)
    return fail(ErrorKind::InvalidInput, "num_warps is " + std::to_string(options.numWarps),
                "give a power of two from 1 to 32");
  return {};
}

/// The kernel's PTX with a limit on registers; 0: none. The assembler's own option does not reach a kernel
/// that says how many threads it has, as all of ours do.
std::string limitRegisters(std::string ptx, int registers) {
  size_t threads = ptx.find("\n.reqntid");
  if (registers > 0 && threads != std::string::npos)
    ptx.insert(threads, "\n.maxnreg " + std::to_string(registers));
  return ptx;
}

class Compilation {
public:
  Compilation(mlir::ModuleOp source, const CompileOptions& compileOptions, Target machine)
      : module(source), options(compileOptions), target(std::move(machine)), clock(artefact.phaseSeconds) {
    module.getContext()->getOrLoadDialect<NvDialect>();
  }

  Result<Artefact> run(const std::string& entry) {
    if (options.anyAddress) forgetAddresses(module);
    auto after = [&](const tuned::Pass& pass) { printAfter(pass.name); };
    if (auto done = runPasses(module, simplifyPasses(), after); !done) return fail(done.error());
    stage("ttir", [&] { return tuned::print(module); });
    clock.end("simplify");
    auto function = findEntry(module, entry);
    if (!function) return fail(function.error());
    if (auto done = assignAndPlace(*function); !done) return fail(done.error());
    clock.end("layouts");
    if (options.goOn && !options.goOn({codeOf(), liveRegisters(*function)}))
      return fail(ErrorKind::Denied, "the compilation was not to go on");
    // What LLVM and the assembler refuse is the kernel's as a whole: they know nothing of its lines.
    auto ptx = generate(*function);
    if (!ptx) return fail(located(ptx.error(), function->getLoc()));
    if (auto done = assembleAndRead(*ptx); !done) return fail(located(done.error(), function->getLoc()));
    clock.end("assemble");
    return std::move(artefact);
  }

private:
  /// The IR says all that LLVM is told, but for these.
  std::string codeOf() {
    std::string code = tuned::print(module);
    for (int option :
         {options.numWarps, options.maxRegisters, int(options.fuseMultiplyAdd), options.assemblerLevel})
      code += " " + std::to_string(option);
    return code + " " + target.name;
  }

  Result<void> assignAndPlace(tt::FuncOp function) {
    PassContext context{function, target, static_cast<unsigned>(options.numWarps),
                        static_cast<unsigned>(std::max(1, options.numStages))};
    auto isDot = [](tt::DotOp) { return mlir::WalkResult::interrupt(); };
    hasDots = function.walk(isDot).wasInterrupted();
    for (const Pass& pass : layoutPasses()) {
      if (auto done = pass.run(context); !done) return done;
      printAfter(pass.name);
    }
    stage("layouts", [&] { return tuned::print(module); });
    artefact.format = "cubin";
    artefact.target = target.name;
    artefact.compiler = "nvptx";
    artefact.launch.symbol = symbolOf(function);
    artefact.launch.block[0] = options.numWarps * 32;
    artefact.launch.dynamicSharedBytes = context.sharedBytes;
    artefact.launch.parameters = parameterSlots(function);
    requireDivisors(artefact.launch, function);
    requireGrid(artefact.launch, tt::gridOf(function));
    return {};
  }

  Result<std::string> generate(tt::FuncOp function) {
    auto machine = makeTargetMachine(target, options.fuseMultiplyAdd);
    if (!machine) return fail(machine.error());
    llvm::LLVMContext context;
    LlvmErrors errors(context);
    llvm::Module code(function.getName(), context);
    code.setTargetTriple((*machine)->getTargetTriple());
    code.setDataLayout((*machine)->createDataLayout());
    Emitter emitter(code, target, static_cast<unsigned>(options.numWarps), function);
    if (auto done = emitter.emitFunction(); !done) return fail(done.error());
    if (auto done = linkLibdevice(code, **machine); !done) return fail(done.error());
    clock.end("emit");
    optimize(code, **machine);
    stage("llvm", [&] {
      std::string text;
      llvm::raw_string_ostream(text) << code;
      return text;
    });
    clock.end("llvm");
    auto ptx = printPtx(code, **machine);
    if (auto refused = errors.take()) return fail(*refused);
    if (ptx) stage("ptx", [&] { return *ptx; });
    clock.end("ptx");
    return ptx;
  }

  Result<void> assembleAndRead(const std::string& ptx) {
    // The assembler's time grows faster than its input: what is this large is a tile too big to be fast.
    constexpr size_t large = 2 << 20, small = 256 << 10;
    int level = ptx.size() > large ? std::min(options.assemblerLevel, 1) : options.assemblerLevel;
    if (auto done = read(assemble(limitRegisters(ptx, options.maxRegisters), {target.name, level})); !done)
      return done;
    bool asItIs = options.maxRegisters > 0 || hasDots || ptx.size() > small;
    if (asItIs || artefact.resources.spillBytes > 0) return {};
    // The assembler takes registers as it likes; a few fewer can let one more CTA in to hide latency. Dots
    // live on what they hold in registers and are left alone.
    Artefact roomy = artefact;
    for (int registers : tighterRegisters(target, options.numWarps, artefact.resources.registers,
                                          artefact.resources.sharedBytes)) {
      if (auto done = read(assemble(limitRegisters(ptx, registers), {target.name, level})); !done)
        return done;
      if (artefact.resources.spillBytes == 0) return {};
      artefact = roomy;
    }
    return {};
  }

  Result<void> read(Result<Assembled> assembled) {
    if (!assembled) return fail(assembled.error());
    auto kernel = readCubin(assembled->cubin, artefact.launch.symbol);
    if (!kernel) return fail(kernel.error());
    artefact.bytes = std::move(assembled->cubin);
    artefact.assembler = "nvjitlink " + kernel->toolVersion;
    artefact.resources.registers = kernel->registers;
    artefact.resources.sharedBytes = kernel->staticSharedBytes + artefact.launch.dynamicSharedBytes;
    artefact.resources.spillBytes = kernel->stackBytes;
    return {};
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
  Target target;
  Artefact artefact;
  CompileClock clock;
  bool hasDots = false;
};

class NvptxCompiler : public Compiler {
public:
  std::string backend() const override { return "nvptx"; }

  Result<Artefact> compile(mlir::ModuleOp module, const std::string& entry,
                           const CompileOptions& options) override {
    if (auto checked = checkOptions(options); !checked) return fail(checked.error());
    auto target = parseTarget(options.target);
    if (!target) return fail(target.error());
    return Compilation(module, options, *target).run(entry);
  }
};

} // namespace

std::unique_ptr<Compiler> makeCompiler() {
  return std::make_unique<NvptxCompiler>();
}

} // namespace tuned::nvptx
