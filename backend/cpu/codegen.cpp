#include "backend/cpu/codegen.h"

#include "backend/cpu/run/host.h"
#include "backend/llvm_analyses.h"
#include "base/clock.h"

#include <chrono>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/PassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/Cloning.h>

namespace tuned::cpu {
namespace {

// The emitter already vectorises, unrolls and hoists; what is left is cleaning up after it.
void optimise(llvm::Module& module, llvm::TargetMachine& machine) {
  LlvmAnalyses analyses(machine);
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass(true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), true));
  passes.addPass(llvm::EarlyCSEPass(true));
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) passes.run(function, analyses.functions);
}

std::string textOf(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

Result<std::string> emitFile(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return fail(ErrorKind::Internal, "this LLVM cannot generate code for the host");
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

} // namespace

Result<std::string> generateObject(llvm::Module& module, const CodegenOptions& options,
                                   std::map<std::string, double>& seconds) {
  auto machine = makeTargetMachine(options.fuseMultiplyAdd);
  if (!machine) return fail(ErrorKind::Unavailable, "this LLVM has no code generator for the host");
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(module, &stream))
    return fail(ErrorKind::Internal, "the generated LLVM IR is invalid: " + problem);
  auto start = std::chrono::steady_clock::now();
  optimise(module, *machine);
  seconds["optimise"] = secondsSince(start);
  if (options.onStage) {
    options.onStage("llvm", textOf(module));
    auto copy = llvm::CloneModule(module);
    auto assembly = emitFile(*copy, *machine, llvm::CodeGenFileType::AssemblyFile);
    if (assembly) options.onStage("asm", *assembly);
  }
  start = std::chrono::steady_clock::now();
  auto object = emitFile(module, *machine, llvm::CodeGenFileType::ObjectFile);
  seconds["codegen"] = secondsSince(start);
  return object;
}

} // namespace tuned::cpu
