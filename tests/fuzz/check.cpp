#include "tests/fuzz/check.h"

#include "backend/registry.h"
#include "backend/tileir/tileir.h"
#include "ir/analysis/axis/axis_info.h"
#include "ir/module.h"
#include "ir/text.h"
#include "tests/fuzz/coverage.h"

#include <mlir/IR/Verifier.h>

namespace tuned {
namespace {

void refused(CheckResult& verdict, const Error& error, const std::string& by) {
  if (!verdict.error) verdict.error = error;
  bool place = error.location && !error.location->file.empty() && error.location->line > 0;
  if (!place) verdict.defect = by + " gives an error without a place: " + error.text();
  if (error.kind == ErrorKind::Internal)
    verdict.defect = by + " calls it a defect of its own: " + error.text();
}

/// ptxas refused what the backend wrote: only inline assembly is the kernel's own.
bool isOurMistake(const Error& error, const std::string& text) {
  return error.kind == ErrorKind::InvalidInput &&
         error.text().find(": assembling for ") != std::string::npos &&
         text.find("inline_asm") == std::string::npos;
}

/// Warps for which no tensor has more than 256 elements a thread, where so many can be had: ptxas takes
/// minutes and gigabytes for thousands of registers, and it is not what is to be tested.
int warpsFor(mlir::ModuleOp module, int wanted) {
  int64_t largest = 1;
  module.walk([&](mlir::Operation* op) {
    for (mlir::Type type : op->getResultTypes())
      if (auto tile = mlir::dyn_cast<mlir::RankedTensorType>(type))
        largest = std::max(largest, tile.getNumElements());
  });
  constexpr int64_t mostElements = 256;
  while (wanted < 32 && largest > mostElements * 32 * wanted)
    wanted *= 2;
  return wanted;
}

/// The function a launch would name: the first with a body.
std::string entryOf(mlir::ModuleOp module) {
  for (auto function : module.getOps<tt::FuncOp>())
    if (!function.isExternal()) return function.getSymName().str();
  return {};
}

void compileFor(const std::string& target, const std::string& text, CheckResult& verdict) {
  // "tileir": Tile IR as far as its bytecode; assembling each module would take a process of NVIDIA's.
  bool bytecode = target == "tileir";
  auto compiler = bytecode ? Result<std::unique_ptr<Compiler>>(tileir::makeEmitter()) : makeCompiler(target);
  if (!compiler) {
    verdict.defect = compiler.error().text();
    return;
  }
  auto context = makeContext();
  auto module = parseModule(*context, text, "fuzz.ttir");
  if (!module) return;
  size_t choice = std::hash<std::string>()(text);
  CompileOptions options;
  options.target = bytecode ? "sm_90a" : target;
  options.assemblerLevel = 0;
  options.numWarps = warpsFor(**module, 1 << (choice % 6));
  options.numStages = 1 + (choice >> 8) % 4;
  options.fuseMultiplyAdd = (choice >> 16) % 2;
  auto artefact = (*compiler)->compile(**module, entryOf(**module), options);
  if (artefact)
    ++verdict.compiled;
  else if (isOurMistake(artefact.error(), text))
    verdict.defect = target + " writes what ptxas does not take: " + artefact.error().text();
  else
    refused(verdict, artefact.error(), target);
}

/// Which operations stand where and on what: it is what the backends' ways depend on.
void countOperations(mlir::ModuleOp module) {
  auto kind = [](mlir::ValueRange values) {
    llvm::hash_code hash = values.size();
    for (mlir::Value value : values.take_front(2)) {
      llvm::ArrayRef<int64_t> shape = tt::shapeOf(value.getType());
      mlir::Type element = tt::elementType(value.getType());
      unsigned width = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0;
      hash = llvm::hash_combine(hash, element.getAbstractType().getName(), width, shape.size());
    }
    return hash;
  };
  module.walk([&](mlir::Operation* op) {
    mlir::Operation* parent = op->getParentOp();
    countFeature(llvm::hash_combine(op->getName().getStringRef(),
                                    parent ? parent->getName().getStringRef() : "", kind(op->getOperands()),
                                    kind(op->getResults())));
  });
}

/// The simplified module, or why there is none.
Result<std::string> simplified(const std::string& text, CheckResult& verdict) {
  auto context = makeContext();
  auto module = parseModule(*context, text, "fuzz.ttir");
  if (!module) return fail(module.error());
  if (auto done = simplify(**module); !done) return fail(done.error());
  FirstError errors(*context);
  if (mlir::failed(mlir::verify(**module)))
    verdict.defect = "simplify() leaves what does not verify: " + errors.take("").text();
  for (auto function : (**module).getOps<tt::FuncOp>())
    tt::AxisInfoAnalysis analysis(function);
  countOperations(**module);
  return print(**module);
}

} // namespace

CheckResult check(const std::string& text, const std::vector<std::string>& targets) {
  CheckResult verdict;
  auto simple = simplified(text, verdict);
  if (!simple) {
    refused(verdict, simple.error(), "the front end");
    return verdict;
  }
  verdict.accepted = true;
  if (!verdict.defect.empty()) return verdict;
  auto context = makeContext();
  if (auto again = parseModule(*context, *simple, "simple.ttir"); !again)
    verdict.defect = "what simplify() leaves is not read back: " + again.error().text() + "\n" + *simple;
  for (const std::string& target : targets) {
    if (!verdict.defect.empty()) break;
    compileFor(target, text, verdict);
  }
  return verdict;
}

} // namespace tuned
