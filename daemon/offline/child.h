// A program of ours that runs to its end.
#pragma once

#include "base/error.h"

#include <string>
#include <vector>

namespace tuned::offline {

/// The path of another program in this one's folder.
std::string besideThis(const std::string& program);

/// Standard output of a program that ended with 0. Else the problem in the last line of its standard error,
/// or what it said there. NotFound: it cannot be started. TimedOut after a minute.
Result<std::string> outputOf(const std::vector<std::string>& command);

} // namespace tuned::offline
