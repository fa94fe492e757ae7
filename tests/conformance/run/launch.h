// A case's launch on one device: what it left in the buffers, before anybody judges it.
#pragma once

#include "tests/conformance/case.h"
#include "tests/conformance/judge/tolerance.h"

#include <map>

namespace tuned::conformance {

/// How a case is to be run and judged, beyond its kernel's freedom.
struct Rules {
  bool nanPadding = false; ///< host descriptors pad with NaN: the recording does not say
  bool zeroedTail = false; ///< elements recorded as zeroed may hold what they held before
  bool overruns = false;   ///< the test itself writes past its buffers: they get room, which is not checked
};

/// An argument's buffer after the launch.
struct BufferOutcome {
  std::vector<std::byte> bytes;
  std::string guard; ///< what happened to the bytes around it; empty: nothing
  bool hit = false;  ///< a neighbour's overrun may have changed it: not to be judged
};

struct LaunchOutcome {
  Freedom freedom;
  std::vector<std::optional<BufferOutcome>> buffers; ///< one an argument; nothing for scalars
  std::map<std::string, double> compileSeconds;      ///< "parse" and the compiler's phases
  double compileTotal = 0, launchSeconds = 0;
  bool compiled = false; ///< an error after that is the device's
};

/// Where a case runs.
struct Place {
  std::string device;   ///< "cpu", "cuda:N", "reference"; without a launch also a target such as "sm_90a"
  std::string compiler; ///< one of the device's (backend/registry.h); empty: its own
  bool launch = true;   ///< false: compile only
};

/// Compiles and launches the case on the device, which is opened on the first call and kept. Errors are the
/// compiler's and the device's; the timings reached stay in `outcome`.
Result<void> launchCase(const Case& c, const Place& place, const Rules& rules, LaunchOutcome& outcome);

} // namespace tuned::conformance
