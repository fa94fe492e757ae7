#include "base/model/architecture.h"

#include <charconv>
#include <optional>

namespace tuned {
namespace {

struct Architecture {
  int number = 0;          ///< 10 × major + minor
  std::string_view letter; ///< "a": code that no other architecture runs
};

std::optional<Architecture> parse(std::string_view name) {
  constexpr std::string_view prefix = "sm_";
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  Architecture out;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), out.number);
  if (error != std::errc()) return std::nullopt;
  out.letter = name.substr(static_cast<size_t>(rest - name.data()));
  return out;
}

} // namespace

bool loadsOn(std::string_view target, std::string_view architecture) {
  if (target == architecture) return true;
  const auto code = parse(target), device = parse(architecture);
  if (!code || !device || !code->letter.empty()) return false;
  return code->number / 10 == device->number / 10 && code->number <= device->number;
}

} // namespace tuned
