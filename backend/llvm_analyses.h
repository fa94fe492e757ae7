// LLVM's analyses, as far as our pipelines ask for them.
#pragma once

#include <llvm/Analysis/CGSCCPassManager.h>
#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/IR/PassManager.h>

namespace llvm {
class TargetMachine;
}

namespace tuned {

/// The managers that passes over functions and modules run with. llvm::PassBuilder would register every
/// analysis there is and so link every pass: a sixth of a bundle.
class LlvmAnalyses {
public:
  /// `machine` is borrowed.
  explicit LlvmAnalyses(llvm::TargetMachine& machine);
  LlvmAnalyses(const LlvmAnalyses&) = delete;

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::ModuleAnalysisManager modules;
};

} // namespace tuned
