// The figures of several tasks side by side.
#pragma once

#include "gpu_plan.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tuned::bench {

/// Median seconds by side: "nvptx", "tileir", "triton-3.6", torchSide, …
using Duel = std::map<std::string, double>;
inline constexpr const char* torchSide = "pytorch";

/// What a task does in one launch, in the unit that limits it.
struct Throughput {
  double amount; ///< unit · s
  const char* unit;
};
Throughput workOf(const PlanTask& task);

/// The fastest side of ours, or of Triton's; nothing when none ran.
std::optional<std::pair<std::string, double>> fastestOfOurs(const Duel& duel);
std::optional<std::pair<std::string, double>> fastestOfTriton(const Duel& duel);

/// Markdown: a row a task; throughput of every side, and how much longer than the best of ours the best of
/// Triton's and PyTorch take. "–" where a side did not run.
std::string table(const std::vector<std::pair<const PlanTask*, Duel>>& duels);

} // namespace tuned::bench
