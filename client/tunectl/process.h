// Runs a program and collects what it writes.
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned::tunectl {

struct Finished {
  int exitCode = 0; ///< 128 + signal when it was killed
  std::string output, errors;
};

/// TimedOut (the program is killed) after `seconds`. NotFound when it cannot be started.
Result<Finished> runProgram(const std::vector<std::string>& command, double seconds);

} // namespace tuned::tunectl
