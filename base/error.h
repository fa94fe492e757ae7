// The one error type of the project and the result type that carries it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>

namespace tuned {

/// What kind of thing went wrong; callers branch on this and never on the message.
enum class ErrorKind {
  InvalidInput,   ///< the caller's kernel, sizes, document, file or option is wrong
  Unsupported,    ///< well-formed, but beyond what this build or device can do
  OutOfResources, ///< shared memory, registers, memory, disk: the limit is in the message
  NotFound,       ///< no such kernel, device, job, artefact or winner
  Faulted,        ///< the kernel (or its worker) crashed, trapped or wrote out of bounds
  TimedOut,       ///< a deadline passed
  Denied,         ///< the caller may not do this
  Unavailable,    ///< a service, library or device is not there now
  Internal,       ///< a defect of ours
};

/// The stable, lower-case name used in JSON ("invalid_input", "timed_out", …).
const char* name(ErrorKind kind);
/// The kind with that name; Internal for an unknown one.
ErrorKind errorKindFromName(const std::string& name);

/// A place in a source the user wrote. Lines and columns count from 1.
struct Location {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
};

/// What was wrong (message), where (location), and what to do about it (remedy; may be empty).
struct Error {
  ErrorKind kind = ErrorKind::Internal;
  std::string message;
  std::optional<Location> location = std::nullopt;
  std::string remedy = {};

  /// "file:line:column: message (remedy)" on one line per message line.
  std::string text() const;
};

template <typename T> using Result = std::expected<T, Error>;

/// `return fail(ErrorKind::InvalidInput, "…");` in a function that returns a Result.
inline std::unexpected<Error> fail(ErrorKind kind, std::string message, std::string remedy = {}) {
  return std::unexpected(Error{kind, std::move(message), std::nullopt, std::move(remedy)});
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

} // namespace tuned
