/// Verbs that another program of the project does: tunectl becomes that program.
#pragma once

#include "client/tunectl/verbs.h"

#include <string>
#include <vector>

namespace tuned::tunectl {

/// Becomes a program that lies beside tunectl; returns, with the exit code, only when that fails.
int become(const Globals& globals, std::vector<std::string> command);

/// Takes `--option VALUE` or `--option=VALUE` out of another program's arguments; the last value given, or
/// nothing.
std::string takeOption(std::vector<std::string>& arguments, const std::string& option);

} // namespace tuned::tunectl
