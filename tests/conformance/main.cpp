// conformance: runs recorded launches of Triton kernels on a device and compares what they leave behind.
#include "tests/conformance/judge/opinion.h"
#include "tests/conformance/judge/report.h"
#include "tests/conformance/run/pool.h"

#include <CLI/CLI.hpp>

#include <fnmatch.h>

#include <cstdio>
#include <filesystem>
#include <iostream>

namespace {

using namespace tuned::conformance;

struct Options {
  std::string cases, known = TUNED_CONFORMANCE_KNOWN;
  std::vector<std::string> filters;
  std::string shard = "1/1";
  bool json = false, timing = false, list = false;
  PoolOptions pool;
};

bool selected(const Options& options, const std::string& id) {
  for (const std::string& filter : options.filters)
    if (fnmatch(filter.c_str(), id.c_str(), 0) == 0) return true;
  return options.filters.empty();
}

/// Every count-th of `ids` from the which-th on; which/count is "2/8", both from 1. False: it is no such
/// thing.
bool takeShard(std::vector<std::string>& ids, const std::string& shard) {
  size_t which = 0, count = 0;
  char rest = 0;
  if (std::sscanf(shard.c_str(), "%zu/%zu%c", &which, &count, &rest) != 2) return false;
  if (which == 0 || which > count) return false;
  std::vector<std::string> mine;
  for (size_t i = which - 1; i < ids.size(); i += count)
    mine.push_back(ids[i]);
  ids = std::move(mine);
  return true;
}

int run(Options& options) {
  auto known = readKnown(options.known);
  if (!known) {
    std::cerr << known.error().text() << '\n';
    return 2;
  }
  options.pool.execute.treatments = known->treatments;
  std::vector<std::string> all = findCases(options.cases), ids;
  for (const std::string& id : all)
    if (selected(options, id)) ids.push_back(id);
  if (!takeShard(ids, options.shard)) {
    std::cerr << "--shard " << options.shard << ": give which of how many parts, such as 2/8\n";
    return 2;
  }
  if (ids.empty()) {
    std::cerr << "no case.json below " << options.cases << (all.empty() ? "" : " matches the filter") << '\n';
    return 2;
  }
  if (options.list) {
    for (const std::string& id : ids)
      std::cout << id << '\n';
    return 0;
  }
  const ExecuteOptions& execute = options.pool.execute;
  Report report(execute.device, known->known, options.json);
  std::vector<std::string> differ;
  runCases(options.cases, ids, options.pool, [&](const CaseResult& result) {
    if (report.add(result) && result.compared) differ.push_back(result.id);
  });
  if (execute.device != "reference" && execute.against.empty() && !execute.compileOnly)
    askEvaluator(options.cases, differ, options.pool,
                 [&](const std::string& id, const std::string& opinion) { report.addOpinion(id, opinion); });
  if (options.timing) report.printTiming();
  report.printSummary(all.size() - ids.size());
  if (execute.compileOnly && !options.json) std::cout << "compiled only: nothing was launched\n";
  return report.unexpected() ? 1 : 0;
}

} // namespace

int main(int count, char** values) {
  CLI::App app("Runs recorded launches of Triton kernels and compares their results");
  Options options;
  app.add_option("--cases", options.cases, "folder searched for case.json")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--device", options.pool.execute.device, "cpu, cuda:N or reference")->capture_default_str();
  app.add_option("--compiler", options.pool.execute.compiler,
                 "one of the device's compilers, such as tileir; what it refuses is counted by operation");
  app.add_flag("--compile-only", options.pool.execute.compileOnly,
               "launch nothing: --device may then be a target, such as sm_90a");
  app.add_option("--against", options.pool.execute.against,
                 "a second device, such as reference, to compare with instead of the recording");
  app.add_option("--filter", options.filters,
                 "globs over case folders, such as 'core/dot-*'; others are skipped");
  app.add_option("--shard", options.shard, "which of how many parts of the cases to run, such as 2/8")
      ->capture_default_str();
  app.add_option("--known", options.known, "tables of cases known to fail or judged with care")
      ->capture_default_str();
  app.add_option("--jobs", options.pool.jobs, "processes")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--deadline", options.pool.deadlineSeconds, "seconds for one case")->capture_default_str();
  app.add_option("--dump-failing", options.pool.execute.differences,
                 "wrong elements to list for each failing case");
  app.add_flag("--json", options.json, "one JSON object a case");
  app.add_flag("--timing", options.timing, "compile times: median, and the ten slowest by phase");
  app.add_flag("--list", options.list, "print the cases and stop");
  CLI11_PARSE(app, count, values);
  return run(options);
}
