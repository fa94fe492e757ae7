// What benchmarks of one kernel begin with: its document and its sizes.
#pragma once

#include "ir/kernel/kernel.h"

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

} // namespace tuned::bench
