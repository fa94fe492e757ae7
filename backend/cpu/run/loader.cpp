#include "backend/cpu/run/loader.h"

#include "backend/cpu/run/runtime.h"

#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/AbsoluteSymbols.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h>
#include <llvm/Support/MemoryBuffer.h>

namespace tuned::cpu {
namespace {

namespace orc = llvm::orc;

class OrcObject : public LoadedObject {
public:
  explicit OrcObject(std::unique_ptr<orc::ExecutorProcessControl> control)
      : session_(std::move(control)), layer_(session_, session_.getExecutorProcessControl().getMemMgr()) {
    session_.setErrorReporter([this](llvm::Error error) { report(std::move(error)); });
  }
  ~OrcObject() override { llvm::consumeError(session_.endSession()); }

  Result<void> load(const std::string& bytes, const std::string& symbol);
  KernelFunction function() const override { return function_; }

private:
  void report(llvm::Error error) { reported_ += llvm::toString(std::move(error)) + "\n"; }
  Result<void> refuse(llvm::Error error) {
    report(std::move(error));
    return fail(ErrorKind::InvalidInput, "the object code cannot be loaded: " + reported_,
                "compile the kernel again");
  }

  std::string reported_;
  orc::ExecutionSession session_;
  orc::ObjectLinkingLayer layer_;
  KernelFunction function_ = nullptr;
};

Result<void> OrcObject::load(const std::string& bytes, const std::string& symbol) {
  auto library = session_.createJITDylib("kernel");
  if (!library) return refuse(library.takeError());
  orc::SymbolMap symbols;
  for (const auto& [name, address] : runtimeSymbols())
    symbols[session_.intern(name)] = {orc::ExecutorAddr::fromPtr(address),
                                      llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  if (auto error = library->define(orc::absoluteSymbols(std::move(symbols)))) return refuse(std::move(error));
  if (auto error = layer_.add(*library, llvm::MemoryBuffer::getMemBufferCopy(bytes, "kernel")))
    return refuse(std::move(error));
  auto found = session_.lookup({&*library}, session_.intern(symbol));
  if (!found) return refuse(found.takeError());
  function_ = found->getAddress().toPtr<KernelFunction>();
  return {};
}

} // namespace

Result<std::unique_ptr<LoadedObject>> loadObject(const std::string& bytes, const std::string& symbol) {
  auto control = orc::SelfExecutorProcessControl::Create();
  if (!control)
    return fail(ErrorKind::Unavailable, "no memory for code: " + llvm::toString(control.takeError()));
  auto object = std::make_unique<OrcObject>(std::move(*control));
  if (auto loaded = object->load(bytes, symbol); !loaded) return std::unexpected(loaded.error());
  return object;
}

} // namespace tuned::cpu
