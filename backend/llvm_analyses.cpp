#include "backend/llvm_analyses.h"

#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/Analysis/AssumptionCache.h>
#include <llvm/Analysis/BasicAliasAnalysis.h>
#include <llvm/Analysis/BlockFrequencyInfo.h>
#include <llvm/Analysis/BranchProbabilityInfo.h>
#include <llvm/Analysis/LastRunTrackingAnalysis.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/MemorySSA.h>
#include <llvm/Analysis/OptimizationRemarkEmitter.h>
#include <llvm/Analysis/PostDominators.h>
#include <llvm/Analysis/ProfileSummaryInfo.h>
#include <llvm/Analysis/ScalarEvolution.h>
#include <llvm/Analysis/ScopedNoAliasAA.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/Analysis/TypeBasedAliasAnalysis.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/PassInstrumentation.h>
#include <llvm/Target/TargetMachine.h>

namespace tuned {
namespace {

/// Global, shared and local memory of an NVIDIA GPU lie apart (PTX address spaces 1, 3, 5); 0 is any of them.
/// Hosts have 0 alone.
class AddressSpaces : public llvm::AAResultBase {
public:
  AddressSpaces() = default;
  llvm::AliasResult alias(const llvm::MemoryLocation& a, const llvm::MemoryLocation& b, llvm::AAQueryInfo&,
                          const llvm::Instruction*) {
    unsigned first = a.Ptr->getType()->getPointerAddressSpace();
    unsigned second = b.Ptr->getType()->getPointerAddressSpace();
    auto apart = [](unsigned space) { return space == 1 || space == 3 || space == 5; };
    return apart(first) && apart(second) && first != second ? llvm::AliasResult::NoAlias
                                                            : llvm::AliasResult::MayAlias;
  }
  bool invalidate(llvm::Function&, const llvm::PreservedAnalyses&,
                  llvm::FunctionAnalysisManager::Invalidator&) {
    return false;
  }
};

struct AddressSpaceAnalysis : llvm::AnalysisInfoMixin<AddressSpaceAnalysis> {
  using Result = AddressSpaces;
  static llvm::AnalysisKey Key;
  static Result run(llvm::Function&, llvm::FunctionAnalysisManager&) { return Result(); }
};
llvm::AnalysisKey AddressSpaceAnalysis::Key;

llvm::AAManager aliases() {
  llvm::AAManager manager;
  manager.registerFunctionAnalysis<llvm::BasicAA>();
  manager.registerFunctionAnalysis<llvm::ScopedNoAliasAA>();
  manager.registerFunctionAnalysis<llvm::TypeBasedAA>();
  manager.registerFunctionAnalysis<AddressSpaceAnalysis>();
  return manager;
}

template <typename... Analyses, typename Manager> void add(Manager& manager) {
  (manager.registerPass([] { return Analyses(); }), ...);
}

} // namespace

LlvmAnalyses::LlvmAnalyses(llvm::TargetMachine& machine) {
  using namespace llvm;
  functions.registerPass([&] { return machine.getTargetIRAnalysis(); });
  functions.registerPass(aliases);
  add<BasicAA, ScopedNoAliasAA, TypeBasedAA, AddressSpaceAnalysis, AssumptionAnalysis, BlockFrequencyAnalysis,
      BranchProbabilityAnalysis, DominatorTreeAnalysis, LastRunTrackingAnalysis, LoopAnalysis,
      MemorySSAAnalysis, OptimizationRemarkEmitterAnalysis, PassInstrumentationAnalysis,
      PostDominatorTreeAnalysis, ScalarEvolutionAnalysis, TargetLibraryAnalysis>(functions);
  add<PassInstrumentationAnalysis, ProfileSummaryAnalysis>(modules);
  add<PassInstrumentationAnalysis>(loops);
  functions.registerPass([&] { return LoopAnalysisManagerFunctionProxy(loops); });
  functions.registerPass([&] { return ModuleAnalysisManagerFunctionProxy(modules); });
  loops.registerPass([&] { return FunctionAnalysisManagerLoopProxy(functions); });
  modules.registerPass([&] { return FunctionAnalysisManagerModuleProxy(functions); });
}

} // namespace tuned
