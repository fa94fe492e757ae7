// What must hold of any text: it ends in a module that verifies, or in an error with a location.
#pragma once

#include "base/error.h"

#include <optional>
#include <string>
#include <vector>

namespace tuned {

struct CheckResult {
  bool accepted = false;      ///< the front end took it
  std::optional<Error> error; ///< of the front end, or the first of a backend
  unsigned compiled = 0;      ///< targets that made an artefact
  std::string defect;         ///< what does not hold; empty: all does
};

/// Parses, simplifies, analyses and verifies `text`; then compiles it for each target ("cpu", "sm_90a",
/// "tileir", "reference"), with warps, stages and contraction drawn from the text itself, so that the text
/// alone brings an outcome back.
CheckResult check(const std::string& text, const std::vector<std::string>& targets);

} // namespace tuned
