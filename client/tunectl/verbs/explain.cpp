#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace tuned::tunectl {

namespace {
struct Options {
  Problem problem;
  std::string objective;
  size_t field = 10;
};

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, share < 0.1 ? "%.1f %%" : "%.0f %%", 100 * share);
  return text;
}

std::string nameOf(const protocol::Candidate& candidate) {
  const Measurement& measured = candidate.measurement;
  return formatValues(measured.configuration) + (measured.origin.empty() ? "" : " by " + measured.origin);
}

std::vector<Row> limitRows(const protocol::Limits& limits) {
  std::vector<Row> rows;
  std::string roof = limits.bound;
  if (limits.memoryShare) roof += ", " + percent(*limits.memoryShare) + " of the memory's peak";
  if (limits.arithmeticShare)
    roof += ", " + percent(*limits.arithmeticShare) + " of the 32-bit cores' peak (without tensor cores)";
  rows.push_back({"nearest roof", roof});
  if (limits.ctasPerMultiprocessor > 0) {
    char waves[48];
    std::snprintf(waves, sizeof waves, "%.2f", limits.waves);
    rows.push_back({"occupancy", percent(limits.occupancy) + ": " +
                                     std::to_string(limits.ctasPerMultiprocessor) +
                                     " CTAs a multiprocessor, limited by " + limits.occupancyLimit});
    rows.push_back({"waves", waves});
  }
  return rows;
}

/// From the winner. Who is not a finalist was timed at another moment, and may have looked faster then.
std::string distance(const protocol::Candidate& one) {
  const double behind = one.behind.value_or(0);
  return percent(std::abs(behind)) + (behind < 0 ? " ahead" : " behind") +
         (one.finalist ? " when timed against each other" : " when it was timed alone");
}

std::vector<Row> whyRows(const protocol::Explanation& why) {
  std::vector<Row> rows = limitRows(why.limits);
  if (why.runnerUp) rows.push_back({"second best", nameOf(*why.runnerUp) + ", " + distance(*why.runnerUp)});
  rows.push_back({"judged by", why.judge});
  rows.push_back({"outcomes", formatOutcomes(why.outcomes)});
  std::string untried = std::to_string(why.untried) + " of " + std::to_string(why.space);
  for (size_t i = 0; i < why.untriedExamples.size(); ++i)
    untried += (i == 0 ? ": " : "; ") + formatValues(why.untriedExamples[i]);
  rows.push_back({"never tried", untried});
  if (!why.strategy.empty()) rows.push_back({"last search", why.strategy + ", " + why.stopped});
  if (!why.phaseSeconds.empty()) rows.push_back({"it spent", formatPhases(why.phaseSeconds)});
  return rows;
}

int explain(const Globals& globals, const Options& options) {
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto kernel = kernelId(*client, options.problem.kernel);
  if (!kernel) return report(globals, kernel.error());
  const auto why = client->explain({*kernel, "", parseSizes(options.problem.sizeTexts),
                                    options.problem.device, parseObjective(options.objective)});
  if (!why) {
    const int code = report(globals, why.error());
    return why.error().kind == ErrorKind::NotFound ? miss : code;
  }
  if (globals.json) {
    std::cout << protocol::toText(*why) << '\n';
    return done;
  }
  std::vector<Row> rows = answerFacts(why->answer, "");
  for (Row& row : whyRows(*why))
    rows.push_back(std::move(row));
  std::cout << facts(rows) << '\n';
  std::vector<Row> field = {{"configuration", "time", "behind", "registers", "shared", "spill", "remark"}};
  for (size_t i = 0; i < why->field.size() && i < options.field; ++i) {
    const protocol::Candidate& one = why->field[i];
    const Resources& takes = one.measurement.resources;
    field.push_back({nameOf(one), formatSeconds(one.measurement.seconds),
                     one.behind ? percent(*one.behind) : "-",
                     takes.registers < 0 ? "-" : std::to_string(takes.registers),
                     takes.sharedBytes < 0 ? "-" : formatBytes(takes.sharedBytes),
                     takes.spillBytes < 0 ? "-" : formatBytes(takes.spillBytes),
                     one.ruledOut.empty() ? (one.finalist ? "finalist" : "") : one.ruledOut});
  }
  std::cout << table(field);
  if (why->field.size() > options.field)
    std::cout << "… and " << why->field.size() - options.field << " more (--field)\n";
  return done;
}
} // namespace

void addExplain(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("explain", "why this winner: the field, what limits it, who judged");
  auto options = std::make_shared<Options>();
  addProblemOptions(*verb, options->problem);
  addObjectiveOption(*verb, options->objective);
  verb->add_option("--field", options->field, "rows of the field to print")->capture_default_str();
  verb->callback(
      [options, &context] { context.run = [=, &context] { return explain(context.globals, *options); }; });
}

} // namespace tuned::tunectl
