// What compiled kernels may call: assertions, printing, and the functions of libm. Nothing else is linked to
// them.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

namespace tuned::cpu {

/// What a launch's program instances report while they run.
struct LaunchState {
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::string message; ///< of the first failed assertion
  std::string printed;

  void fail(const std::string& text);
};

/// The state that this thread's kernel calls report to.
void setLaunchState(LaunchState* state);

/// Names in object code to addresses in this process.
const std::map<std::string, const void*>& runtimeSymbols();

} // namespace tuned::cpu
