// What a compile worker asks before it does what takes long, and what came of that.
#pragma once

#include "daemon/service/jobs/builder.h"
#include "daemon/service/jobs/same_code.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// Of one build; used by one thread. Whatever a worker asks, and however often: who waits for another's code
/// has none that others wait for.
class Decision {
public:
  /// `same`: null where every build is made.
  Decision(SameCode* same, const Leave& leave) : same_(same), leave_(leave) {}
  Decision(const Decision&) = delete;
  ~Decision() { end(nullptr); }

  /// {"go_on": false}: the worker's answer is not needed.
  nlohmann::json answer(const nlohmann::json& question);
  /// Of what this made for others, too; null: it failed.
  void end(std::shared_ptr<const Artefact> made);

  std::optional<int64_t> left; ///< registers that were too many
  std::string others;          ///< code that another makes; empty: none

private:
  bool goOn(const nlohmann::json& question);

  SameCode* same_;
  const Leave& leave_;
  std::string own_; ///< code that is to be made here
};

} // namespace tuned
