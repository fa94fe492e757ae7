#include "tests/bench/bench_problem.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
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

} // namespace tuned::bench
