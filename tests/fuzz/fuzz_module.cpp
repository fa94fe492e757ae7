// libFuzzer's target: mutated kernels through the parser, the passes and the compilers. Each must end in a
// module or in an error with a location (check.h); anything else aborts, and libFuzzer keeps the text.
//
//   fuzz_module [--targets=cpu,sm_90a,tileir,reference] [libFuzzer's options] NEW_CORPUS CORPUS…
//   fuzz_module [--targets=…] FILE            runs one text and prints what came of it
#include "ir/module.h"
#include "ir/text.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/mutate_module.h"
#include "tests/fuzz/mutate_text.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <llvm/Support/Signals.h>
#include <llvm/Support/raw_ostream.h>
#include <mlir/IR/Verifier.h>
#include <sstream>

namespace {

using namespace tuned;

struct Tally {
  size_t tried, accepted, refused, compiled;
};
Tally tally;
std::vector<std::string> targets;
bool verbose = false;

std::string textOf(const uint8_t* data, size_t size) {
  return std::string(reinterpret_cast<const char*>(data), size);
}

/// Locations are half of a recorded text, and no mutation of them is worth its time.
mlir::OwningOpRef<mlir::ModuleOp> parsed(mlir::MLIRContext& context, const std::string& text) {
  auto module = parseModule(context, text, "fuzz.ttir");
  return module ? std::move(*module) : nullptr;
}

size_t put(const std::string& text, uint8_t* data, size_t most) {
  size_t size = std::min(text.size(), most);
  std::memcpy(data, text.data(), size);
  return size;
}

/// The module after one to three changes, as text; of several tries the last, or the first that verifies.
template <typename Change> std::string changedModule(const std::string& text, Random& random, Change change) {
  std::string result;
  for (int tries = 0; tries < 4; ++tries) {
    auto context = makeContext();
    auto module = parsed(*context, text);
    if (!module) return {};
    FirstError errors(*context);
    bool changed = false;
    for (size_t left = random.below(3) ? 1 : 1 + random.below(3); left > 0; --left)
      changed |= change(*context, *module);
    if (!changed) continue;
    bool verifies = mlir::succeeded(mlir::verify(*module));
    result = print(*module);
    if (verifies) break;
  }
  return result;
}

void report() {
  std::cerr << "fuzz_module: " << tally.tried << " tried, " << tally.accepted << " accepted, "
            << tally.refused << " refused with a location, " << tally.compiled << " compiled" << std::endl;
}

} // namespace

/// libFuzzer calls this where a crash or a deadline leaves a stack to be shown.
extern "C" void __sanitizer_print_stack_trace() {
  llvm::sys::PrintStackTrace(llvm::errs());
}

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  for (int i = 1; i < *count; ++i) {
    std::string argument = (*arguments)[i];
    verbose = verbose || std::filesystem::is_regular_file(argument);
    if (!argument.starts_with("--targets=")) continue;
    std::istringstream list(argument.substr(10));
    for (std::string target; std::getline(list, target, ',');)
      targets.push_back(target);
  }
  // A stack that overflows must be reported too: handlers run on a stack of their own.
  static char stack[1 << 16];
  stack_t alternate{stack, 0, sizeof stack};
  sigaltstack(&alternate, nullptr);
  std::atexit(report);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CheckResult verdict = check(textOf(data, size), targets);
  ++tally.tried;
  ++(verdict.accepted ? tally.accepted : tally.refused);
  tally.compiled += verdict.compiled;
  if (tally.tried % 1000 == 0) report(); // what is interrupted ends without a last word
  if (verbose && verdict.error) std::cerr << verdict.error->text() << std::endl;
  if (verdict.defect.empty()) return 0;
  std::cerr << "fuzz_module: " << verdict.defect << std::endl;
  std::abort();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  Random random(seed);
  std::string text = textOf(data, size), changed;
  if (random.below(4))
    changed = changedModule(text, random, [&](mlir::MLIRContext&, mlir::ModuleOp module) {
      return mutateModule(module, random);
    });
  if (changed.empty()) changed = mutateText(text, text, random);
  return put(changed, data, most);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t firstSize, const uint8_t* second,
                                            size_t secondSize, uint8_t* out, size_t most, unsigned seed) {
  Random random(seed);
  std::string text = textOf(first, firstSize), other = textOf(second, secondSize), changed;
  if (random.below(4))
    changed = changedModule(text, random, [&](mlir::MLIRContext& context, mlir::ModuleOp module) {
      auto from = parsed(context, other);
      return from && spliceModule(module, *from, random);
    });
  if (changed.empty()) changed = mutateText(text, other, random);
  return put(changed, out, most);
}
