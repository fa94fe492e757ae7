#include "base/error.h"

#include <array>
#include <cstddef>

namespace tuned {

namespace {
constexpr std::array<const char*, 9> names = {"invalid_input", "unsupported", "out_of_resources",
                                              "not_found",     "faulted",     "timed_out",
                                              "denied",        "unavailable", "internal"};
}

const char* name(ErrorKind kind) {
  return names[static_cast<size_t>(kind)];
}

ErrorKind errorKindFromName(const std::string& text) {
  for (size_t i = 0; i < names.size(); ++i)
    if (text == names[i]) return static_cast<ErrorKind>(i);
  return ErrorKind::Internal;
}

std::string Error::text() const {
  std::string out;
  if (location) {
    out +=
        location->file + ":" + std::to_string(location->line) + ":" + std::to_string(location->column) + ": ";
  }
  out += message;
  if (!remedy.empty()) out += " (" + remedy + ")";
  return out;
}

} // namespace tuned
