#include "backend/options.h"

namespace tuned {

namespace {
int64_t valueOr(const Configuration& configuration, const char* name, int64_t absent) {
  auto found = configuration.find(name);
  return found == configuration.end() ? absent : found->second;
}
} // namespace

CompileOptions compileOptions(const std::string& target, const Configuration& configuration) {
  CompileOptions options;
  options.target = target;
  auto compiler = static_cast<size_t>(valueOr(configuration, "compiler", 0));
  options.compiler = compiler == 0 ? "" : compiler < kCompilerNames.size() ? kCompilerNames[compiler] : "?";
  options.numWarps = static_cast<int>(valueOr(configuration, "num_warps", options.numWarps));
  options.numStages = static_cast<int>(valueOr(configuration, "num_stages", options.numStages));
  options.numCtas = static_cast<int>(valueOr(configuration, "num_ctas", options.numCtas));
  options.maxRegisters = static_cast<int>(valueOr(configuration, "maxnreg", options.maxRegisters));
  options.workerWarps = static_cast<int>(valueOr(configuration, "worker_warps", options.workerWarps));
  options.occupancy = static_cast<int>(valueOr(configuration, "occupancy", options.occupancy));
  options.latency = static_cast<int>(valueOr(configuration, "latency", options.latency));
  options.anyAddress = valueOr(configuration, kAnyAddress, 0) != 0;
  return options;
}

} // namespace tuned
