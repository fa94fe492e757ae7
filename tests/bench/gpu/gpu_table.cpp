#include "gpu_table.h"

#include <cstdio>
#include <set>

namespace tuned::bench {
namespace {

using Side = std::optional<std::pair<std::string, double>>;

bool isTriton(const std::string& side) {
  return side.starts_with("triton");
}

template <typename Of> Side fastest(const Duel& duel, Of of) {
  Side best;
  for (const auto& [side, seconds] : duel)
    if (of(side) && (!best || seconds < best->second)) best = {side, seconds};
  return best;
}

std::string number(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

/// How much longer `other` takes than `ours`.
std::string ratio(std::optional<double> other, const Side& ours) {
  return other && ours ? number(*other / ours->second, "%.2f") : "–";
}

std::string row(const PlanTask& task, const Duel& duel, const std::set<std::string>& sides) {
  const Throughput work = workOf(task);
  std::string line = "| " + task.name + " |";
  for (const std::string& side : sides) {
    auto found = duel.find(side);
    line +=
        found == duel.end() ? " – |" : " " + number(work.amount / found->second, "%.0f ") + work.unit + " |";
  }
  const Side ours = fastestOfOurs(duel), triton = fastestOfTriton(duel);
  const auto torch = duel.find(torchSide);
  line += " " + (ours ? ours->first : "–") + " |";
  line += " " + ratio(triton ? std::optional(triton->second) : std::nullopt, ours) + " |";
  line += " " + ratio(torch != duel.end() ? std::optional(torch->second) : std::nullopt, ours) + " |";
  return line + "\n";
}

} // namespace

Throughput workOf(const PlanTask& task) {
  bool compute = task.flops > 100 * task.bytes;
  return compute ? Throughput{task.flops / 1e12, "TFLOP/s"} : Throughput{task.bytes / 1e9, "GB/s"};
}

Side fastestOfOurs(const Duel& duel) {
  return fastest(duel, [](const std::string& side) { return !isTriton(side) && side != torchSide; });
}

Side fastestOfTriton(const Duel& duel) {
  return fastest(duel, isTriton);
}

std::string table(const std::vector<std::pair<const PlanTask*, Duel>>& duels) {
  std::set<std::string> sides;
  for (const auto& [task, duel] : duels)
    for (const auto& [side, seconds] : duel)
      sides.insert(side);
  std::string head = "| task |", rule = "|---|";
  for (const std::string& side : sides) {
    head += " " + side + " |";
    rule += "---|";
  }
  std::string text =
      head + " best of ours | Triton's time / ours | PyTorch's time / ours |\n" + rule + "---|---|---|\n";
  for (const auto& [task, duel] : duels)
    text += row(*task, duel, sides);
  return text;
}

} // namespace tuned::bench
