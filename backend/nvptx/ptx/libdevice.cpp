#include "backend/nvptx/ptx/libdevice.h"

#include "backend/llvm_analyses.h"
#include "backend/toolchain/toolchain.h"

#include <llvm/Analysis/ValueTracking.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>

namespace tuned::nvptx {
namespace {

const char* const fileName = "libdevice.10.bc";
const char* const flushFlag = "nvvm-reflect-ftz";

std::string libraryFunction(const llvm::Module& module) {
  for (const llvm::Function& function : module)
    if (function.isDeclaration() && function.getName().starts_with("__nv_")) return function.getName().str();
  return {};
}

/// Functions are read only as they are needed.
Result<std::unique_ptr<llvm::Module>> openLibrary(llvm::LLVMContext& context, const std::string& wanted) {
  std::string path = toolchain::findFile({fileName}).string();
  if (path.empty())
    return fail(ErrorKind::Unavailable, "the kernel calls " + wanted + ", and the device library is not here",
                toolchain::remedy());
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fail(ErrorKind::Unavailable, "cannot read " + path + ": " + buffer.getError().message());
  auto library = llvm::getOwningLazyBitcodeModule(std::move(*buffer), context);
  if (!library)
    return fail(ErrorKind::Unavailable, path + " is no bitcode: " + llvm::toString(library.takeError()));
  return std::move(*library);
}

/// What the library asks of the target: __nvvm_reflect("__CUDA_FTZ") and ("__CUDA_ARCH").
int64_t reflection(const llvm::Module& module, const llvm::TargetMachine& machine, llvm::StringRef question) {
  if (question == "__CUDA_FTZ") {
    auto* flag = llvm::mdconst::extract_or_null<llvm::ConstantInt>(module.getModuleFlag(flushFlag));
    return flag ? flag->getSExtValue() : 0;
  }
  unsigned architecture = 0;
  llvm::StringRef name = machine.getTargetCPU(); // "sm_90a"
  if (question == "__CUDA_ARCH" && name.consume_front("sm_")) name.consumeInteger(10, architecture);
  return architecture * 10;
}

void answerReflections(llvm::Module& module, const llvm::TargetMachine& machine) {
  for (llvm::Function& function : module) {
    if (function.getName() != "__nvvm_reflect" && !function.getName().starts_with("llvm.nvvm.reflect"))
      continue;
    for (llvm::User* user : llvm::make_early_inc_range(function.users())) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(user);
      llvm::StringRef question;
      if (!call || !llvm::getConstantStringInfo(call->getArgOperand(0)->stripPointerCasts(), question))
        continue;
      call->replaceAllUsesWith(
          llvm::ConstantInt::get(call->getType(), reflection(module, machine, question)));
      call->eraseFromParent();
    }
  }
}

/// Resolves the library's questions about the target, then inlines it and drops what is left over.
void inlineLibrary(llvm::Module& module, llvm::TargetMachine& machine) {
  answerReflections(module, machine);
  LlvmAnalyses analyses(machine);
  llvm::ModulePassManager passes;
  passes.addPass(llvm::AlwaysInlinerPass());
  passes.addPass(llvm::GlobalDCEPass());
  passes.run(module, analyses.modules);
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
  if (!module.getModuleFlag(flushFlag)) module.addModuleFlag(llvm::Module::Override, flushFlag, 1);
  inlineLibrary(module, machine);
  return {};
}

} // namespace tuned::nvptx
