// `tunectl cover`: a range of a size tuned as a set, and told as a table of few configurations.
#include "base/positive_option.h"
#include "client/protocol/json.h"
#include "client/tunectl/output.h"
#include "client/tunectl/verbs.h"
#include "client/tunectl/verbs/segments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

namespace tuned::tunectl {

namespace {
struct Options {
  Problem problem;
  std::string range, effort;
  double within = 0.05;
};

struct Range {
  std::string name;
  int64_t from = 1, to = 1;
};

/// "M=1..8192"
std::optional<Range> parseRange(const std::string& text) {
  const size_t equals = text.find('='), dots = text.find("..");
  if (equals == 0 || equals == std::string::npos || dots == std::string::npos || dots < equals)
    return std::nullopt;
  Range out{text.substr(0, equals), 0, 0};
  auto number = [&](size_t begin, size_t end, int64_t& into) {
    auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, into);
    return error == std::errc() && stop == text.data() + end;
  };
  if (!number(equals + 1, dots, out.from) || !number(dots + 2, text.size(), out.to)) return std::nullopt;
  if (out.from < 1 || out.to < out.from || out.to > (int64_t(1) << 40)) return std::nullopt;
  return out;
}

class Cover {
public:
  Cover(client::Client& client, std::string kernel, const Options& options, Range range)
      : client_(client), options_(options), range_(std::move(range)),
        points_(pointsOf(range_.from, range_.to)) {
    request_.kernel = std::move(kernel);
    request_.sizes = parseSizes(options.problem.sizeTexts);
    request_.device = options.problem.device;
  }

  /// Tunes at every point, then times the winners of all points at each.
  Result<void> measure() {
    for (int64_t point : points_) {
      request_.sizes[range_.name] = point;
      request_.effort = options_.effort;
      auto job = client_.tune(request_);
      if (!job) return fail(job.error());
      std::cerr << range_.name << "=" << point << ": "
                << (job->answer ? formatValues(job->answer->configuration) : job->state) << std::endl;
      if (job->answer && job->answer->origin.empty() && !contains(job->answer->configuration))
        winners_.push_back(job->answer->configuration);
    }
    if (winners_.empty())
      return fail(ErrorKind::Faulted, "no configuration works anywhere in " + options_.range,
                  "see `tunectl show` of the jobs");
    auto known = client_.kernel(request_.kernel);
    if (!known) return fail(known.error());
    for (const protocol::Values& winner : winners_) {
      // Which compiler is no parameter that a tuning may be confined to: all are timed.
      protocol::Values named;
      for (const auto& [name, value] : winner)
        if (known->parameters.contains(name)) named[name] = value;
      if (std::ranges::find(request_.only, named) == request_.only.end()) request_.only.push_back(named);
    }
    for (int64_t point : points_) {
      seconds_.emplace_back(winners_.size(), std::numeric_limits<double>::infinity());
      request_.sizes[range_.name] = point;
      auto job = client_.tune(request_, [&](const protocol::Event& event) {
        if (event.trial) note(*event.trial);
        return true;
      });
      if (!job) return fail(job.error());
    }
    return {};
  }

  int print(const Globals& globals) const {
    const auto segments = coverRange(seconds_, options_.within);
    nlohmann::json list = nlohmann::json::array();
    std::vector<Row> rows = {{"from", "to", "configuration", "behind at most"}};
    for (size_t i = 0; i < segments.size(); ++i) {
      const Segment& each = segments[i];
      const int64_t from = i == 0 ? range_.from : border(segments[i - 1].last) + 1;
      const int64_t to = i + 1 == segments.size() ? range_.to : border(each.last);
      char loss[32];
      std::snprintf(loss, sizeof loss, "%.1f %%", 100 * each.loss);
      rows.push_back(
          {std::to_string(from), std::to_string(to), formatValues(winners_[each.configuration]), loss});
      list.push_back(
          {{"from", from}, {"to", to}, {"configuration", winners_[each.configuration]}, {"loss", each.loss}});
    }
    if (globals.json)
      std::cout << nlohmann::json{{"size", range_.name}, {"points", points_}, {"segments", list}}.dump()
                << '\n';
    else
      std::cout << table(rows);
    return segments.empty() ? failed : done;
  }

private:
  bool contains(const protocol::Values& configuration) const {
    return std::ranges::find(winners_, configuration) != winners_.end();
  }
  void note(const protocol::Trial& trial) {
    auto found = std::ranges::find(winners_, trial.configuration);
    if (found != winners_.end() && trial.seconds && trial.origin.empty())
      seconds_.back()[static_cast<size_t>(found - winners_.begin())] = *trial.seconds;
  }
  /// The last size that goes with this point and not with the next: half-way between them in factors.
  int64_t border(size_t point) const {
    return static_cast<int64_t>(
        std::sqrt(static_cast<double>(points_[point]) * static_cast<double>(points_[point + 1])));
  }

  client::Client& client_;
  const Options& options_;
  const Range range_;
  const std::vector<int64_t> points_;
  protocol::TuneRequest request_;
  std::vector<protocol::Values> winners_;
  std::vector<std::vector<double>> seconds_; ///< by point and winner
};

int cover(const Globals& globals, const Options& options) {
  const auto range = parseRange(options.range);
  if (!range)
    return report(globals, {ErrorKind::InvalidInput, "'" + options.range + "' is no range", std::nullopt,
                            "write NAME=FROM..TO with 1 <= FROM <= TO"});
  auto client = connect(globals);
  if (!client) return report(globals, client.error());
  const auto kernel = kernelId(*client, options.problem.kernel);
  if (!kernel) return report(globals, kernel.error());
  Cover work(*client, *kernel, options, *range);
  if (auto measured = work.measure(); !measured) return report(globals, measured.error());
  return work.print(globals);
}
} // namespace

void addCover(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("cover", "tune a range of a size, and cover it with few configurations");
  auto options = std::make_shared<Options>();
  addProblemOptions(*verb, options->problem);
  verb->add_option("--range", options->range, "NAME=FROM..TO: tuned at FROM, its doubles, and TO")
      ->required();
  verb->add_option("--within", options->within,
                   "share that a configuration may be behind the best of a point")
      ->check(nonNegativeNumber())
      ->capture_default_str();
  verb->add_option("--effort", options->effort, "of each tuning")
      ->check(CLI::IsMember({"quick", "normal", "full"}));
  verb->callback(
      [options, &context] { context.run = [=, &context] { return cover(context.globals, *options); }; });
}

} // namespace tuned::tunectl
