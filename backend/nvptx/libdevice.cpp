#include "backend/nvptx/libdevice.h"

#include "backend/nvptx/assemble_toolkit.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Target/TargetMachine.h>

namespace tuned::nvptx {
namespace {

const char* const fileName = "libdevice.10.bc";

std::string libraryFunction(const llvm::Module& module) {
  for (const llvm::Function& function : module)
    if (function.isDeclaration() && function.getName().starts_with("__nv_")) return function.getName().str();
  return {};
}

/// Functions are read only as they are needed.
Result<std::unique_ptr<llvm::Module>> openLibrary(llvm::LLVMContext& context, const std::string& wanted) {
  std::string path = findToolkitFile({fileName}).string();
  if (path.empty())
    return fail(ErrorKind::Unavailable, "the kernel calls " + wanted + ", and the device library is not here",
                std::string("install the CUDA Toolkit, or name the folder of ") + fileName + " in " +
                    toolkitVariable);
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fail(ErrorKind::Unavailable, "cannot read " + path + ": " + buffer.getError().message());
  auto library = llvm::getOwningLazyBitcodeModule(std::move(*buffer), context);
  if (!library)
    return fail(ErrorKind::Unavailable, path + " is no bitcode: " + llvm::toString(library.takeError()));
  return std::move(*library);
}

/// Resolves the library's questions about the target, then inlines it and drops what is left over.
void inlineLibrary(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  llvm::ModulePassManager passes;
  if (auto error = builder.parsePassPipeline(passes, "nvvm-reflect,always-inline,globaldce"))
    llvm::report_fatal_error(std::move(error));
  passes.run(module, modules);
}

} // namespace

Result<void> linkLibdevice(llvm::Module& module, llvm::TargetMachine& machine) {
  std::string wanted = libraryFunction(module);
  if (wanted.empty()) return {};
  auto library = openLibrary(module.getContext(), wanted);
  if (!library) return fail(library.error());
  (*library)->setDataLayout(module.getDataLayout());
  (*library)->setTargetTriple(module.getTargetTriple());
  llvm::StringSet<> own;
  for (const llvm::Function& function : module)
    if (!function.isDeclaration()) own.insert(function.getName());
  if (llvm::Linker::linkModules(module, std::move(*library), llvm::Linker::LinkOnlyNeeded))
    return fail(ErrorKind::Internal, "linking the device library failed");
  if (std::string missing = libraryFunction(module); !missing.empty())
    return fail(ErrorKind::NotFound, "the device library has no function " + missing);
  for (llvm::Function& function : module) {
    if (function.isDeclaration() || own.contains(function.getName())) continue;
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.removeFnAttr(llvm::Attribute::NoInline);
    function.removeFnAttr(llvm::Attribute::OptimizeNone);
    function.addFnAttr(llvm::Attribute::AlwaysInline);
  }
  if (!module.getModuleFlag("nvvm-reflect-ftz"))
    module.addModuleFlag(llvm::Module::Override, "nvvm-reflect-ftz", 1);
  inlineLibrary(module, machine);
  return {};
}

} // namespace tuned::nvptx
