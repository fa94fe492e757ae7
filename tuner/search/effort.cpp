#include "tuner/search/effort.h"

#include <array>
#include <utility>

namespace tuned {

Result<Effort> effortNamed(const std::string& name) {
  static const std::array<std::pair<const char*, Effort>, 3> efforts = {
      {{"quick", {16, 0.003, 1.4, true}},
       {"normal", {512, 0.003, std::nullopt}},
       {"full", {8192, 0.0005, std::nullopt}}}};
  for (const auto& [known, effort] : efforts)
    if (name == known || (name.empty() && known == std::string("normal"))) return effort;
  return fail(ErrorKind::InvalidInput, "unknown effort '" + name + "'", "there are quick, normal and full");
}

const char* strategyFor(const Effort& effort, int64_t configurations) {
  return configurations <= effort.exhaustive ? "exhaustive" : "portfolio";
}

} // namespace tuned
