// What benchmarks of one kernel begin with: its document and its sizes.
#pragma once

#include "base/model/measurement.h"
#include "ir/kernel/kernel.h"

#include <map>
#include <string>

namespace tuned::bench {

/// Ends the program with its name and why: a benchmark has nobody to tell.
[[noreturn]] void die(const std::string& why);

struct Problem {
  Kernel kernel;
  Sizes sizes;
};

/// Of a document and "NAME=NUMBER,…"; ends the program where one of them is wrong.
Problem problemOf(const std::string& document, const std::string& sizes);

/// The whole of a file; ends the program where it cannot be read.
std::string textOf(const std::string& path);

/// What was timed of the problem, by `tunectl ls trials --limit 100000 --json`; the newest of each. Ends the
/// program where there is nothing.
std::map<Configuration, Measurement> timedIn(const std::string& path, const Problem& problem);

} // namespace tuned::bench
