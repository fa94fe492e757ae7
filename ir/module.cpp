#include "ir/module.h"

#include "ir/dialect/Dialect.h"
#include "ir/text.h"

#include <llvm/Support/raw_ostream.h>
#include <mlir/Dialect/ControlFlow/IR/ControlFlowOps.h>
#include <mlir/Dialect/GPU/IR/GPUDialect.h>
#include <mlir/Dialect/LLVMIR/LLVMDialect.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Dialect/UB/IR/UBOps.h>
#include <mlir/IR/Verifier.h>
#include <mlir/Parser/Parser.h>

namespace tuned {

std::unique_ptr<mlir::MLIRContext> makeContext() {
  // Dialects load when the text first uses them: the LLVM dialect alone costs more than a small kernel's
  // parsing.
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::gpu::GPUDialect,
                  mlir::LLVM::LLVMDialect, mlir::math::MathDialect, mlir::scf::SCFDialect,
                  mlir::ub::UBDialect, tt::TTDialect>();
  auto context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false);
  return context;
}

std::optional<Location> sourceLocation(mlir::Location location) {
  std::optional<Location> found;
  location->walk([&](mlir::Location part) {
    auto place = mlir::dyn_cast<mlir::FileLineColLoc>(part);
    if (!place) return mlir::WalkResult::advance();
    found =
        Location{place.getFilename().str(), std::max(1u, place.getLine()), std::max(1u, place.getColumn())};
    return mlir::WalkResult::interrupt();
  });
  return found;
}

Error located(Error error, mlir::Location place) {
  if (!error.location) error.location = sourceLocation(place);
  return error;
}

FirstError::FirstError(mlir::MLIRContext& context)
    : handler_(&context, [this](mlir::Diagnostic& diagnostic) {
        if (error_ || diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error) return mlir::success();
        error_ = Error{ErrorKind::InvalidInput, diagnostic.str(), sourceLocation(diagnostic.getLocation())};
        return mlir::success();
      }) {}

Error FirstError::take(const std::string& fallback) const {
  return error_.value_or(Error{ErrorKind::Internal, fallback});
}

/// Quotes the line at fault: the parser's messages often leave out the name they stumbled over.
static Error withLine(Error error, std::string_view text) {
  constexpr size_t longest = 120;
  if (!error.location || error.location->line == 0) return error;
  for (unsigned line = 1; line < error.location->line; ++line) {
    size_t end = text.find('\n');
    if (end == text.npos) return error;
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  if (text.empty()) return error;
  error.message += " in `" + std::string(text.substr(0, longest)) + (text.size() > longest ? "…`" : "`");
  return error;
}

static Result<mlir::OwningOpRef<mlir::ModuleOp>>
parseOnce(mlir::MLIRContext& context, const std::string& text, const std::string& fileName) {
  FirstError errors(context);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), fileName);
  if (!module) return fail(withLine(errors.take("the parser refused the text without a reason"), text));
  return module;
}

/// Whether an error at any operation could say where: the text's own loc(…) may name no file.
static bool placesKnown(mlir::ModuleOp module) {
  auto unknown = [](mlir::Operation* op) {
    return sourceLocation(op->getLoc()) ? mlir::WalkResult::advance() : mlir::WalkResult::interrupt();
  };
  return !module->walk(unknown).wasInterrupted();
}

Result<mlir::OwningOpRef<mlir::ModuleOp>> parseModule(mlir::MLIRContext& context, const std::string& text,
                                                      const std::string& fileName) {
  if (auto trap = parserTrap(text, fileName)) return fail(std::move(*trap));
  std::string current = upgradeText(text);
  auto module = parseOnce(context, current, fileName);
  if (module && placesKnown(**module)) return module;
  // The text's own loc(…) would send the reader to another file: look at the text without them.
  std::string bare = withoutLocations(current);
  if (bare == current) return module;
  auto again = parseOnce(context, bare, fileName);
  return again ? std::move(module) : std::move(again);
}

std::string print(mlir::ModuleOp module, bool locations) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  mlir::OpPrintingFlags flags;
  if (locations) flags.enableDebugInfo(true, /*prettyForm=*/false);
  module->print(stream, flags);
  return text;
}

} // namespace tuned
