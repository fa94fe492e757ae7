#include "tests/bench/bench_problem.h"

#include "base/model/json.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tuned::bench {

void die(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  std::exit(1);
}

Problem problemOf(const std::string& document, const std::string& sizes) {
  auto kernel = loadKernel(document);
  if (!kernel) die(kernel.error().text());
  Problem problem{std::move(*kernel), {}};
  std::istringstream parts(sizes);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t at = part.find('=');
    int64_t value = 0;
    const char* end = part.data() + part.size();
    if (at == std::string::npos || std::from_chars(part.data() + at + 1, end, value).ptr != end)
      die("'" + part + "' is no NAME=NUMBER");
    problem.sizes[part.substr(0, at)] = value;
  }
  if (auto complete = checkSizes(problem.kernel, problem.sizes); !complete) die(complete.error().text());
  return problem;
}

std::string textOf(const std::string& path) {
  std::ifstream file(path);
  if (!file) die("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::map<Configuration, Measurement> timedIn(const std::string& path, const Problem& problem) {
  std::map<Configuration, Measurement> out;
  const auto all = nlohmann::json::parse(textOf(path));
  for (const auto& one : all.at("trials")) {
    auto trial = model::fromJson<Measurement>(one);
    if (!trial) die(path + ": " + trial.error().text());
    if (trial->seconds && trial->outcome == "timed" && trial->sizes == problem.sizes)
      out.try_emplace(trial->configuration, *trial); // the newest come first
  }
  if (out.empty()) die(path + " has nothing that was timed at " + toString(problem.sizes));
  return out;
}

} // namespace tuned::bench
