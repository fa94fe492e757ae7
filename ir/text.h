// Kernel IR as text before it is parsed, and the errors of parsers and verifiers.
#pragma once

#include "base/error.h"

#include <mlir/IR/Diagnostics.h>
#include <optional>
#include <string>

namespace tuned {

/// The text with every loc(…) and #loc line blanked, so that lines and columns stay what they were.
std::string withoutLocations(const std::string& text);

/// How deep brackets may be nested in a text: parsers and passes go down by recursion.
inline constexpr unsigned maxNesting = 256;
/// The error for a text that MLIR's parser would not survive, at the place: nested deeper than that, or an
/// array of indices (`array<index: 1>`), on which MLIR 22 asks an index for its width.
std::optional<Error> parserTrap(const std::string& text, const std::string& fileName);

/// The text as Triton 3.6 would print it, from what releases 3.1 to 3.8 print; lines stay where they are.
std::string upgradeText(const std::string& text);

/// The first file, line and column in an MLIR location; a module without `module` in its text starts at 1:1.
std::optional<Location> sourceLocation(mlir::Location location);

/// The error with a place: its own, or where it has none that of the operation it is about.
Error located(Error error, mlir::Location place);

/// While it lives, diagnostics of `context` are kept here instead of printed.
class FirstError {
public:
  explicit FirstError(mlir::MLIRContext& context);
  /// The first error, or an Internal one with the message `fallback`.
  Error take(const std::string& fallback) const;

private:
  std::optional<Error> error_;
  mlir::ScopedDiagnosticHandler handler_;
};

} // namespace tuned
