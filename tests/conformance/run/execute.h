// One case on one device, in this process.
#pragma once

#include "tests/conformance/case.h"
#include "tests/conformance/known.h"

#include <nlohmann/json.hpp>

namespace tuned::conformance {

struct CaseResult {
  std::string id, test;
  bool passed = false;
  std::string reason;    ///< of a failure, on one line
  bool compared = false; ///< it ran and its results were judged
  std::string refused; ///< by the compiler that was asked for: the operation, or else the reason; empty: not
  std::map<std::string, double> compileSeconds; ///< "parse" and the compiler's phases
  double compileTotal = 0, launchSeconds = 0;
  double use = 0;                       ///< largest share of the allowed error that was used
  std::vector<std::string> differences; ///< one line each
  bool deviceLost = false;              ///< the process must not use the device again
};

void to_json(nlohmann::json& json, const CaseResult& result);
void from_json(const nlohmann::json& json, CaseResult& result);

struct ExecuteOptions {
  std::string device = "cpu";
  /// One of the device's compilers: what it does not take is then refused instead of failed. Empty: its own.
  std::string compiler;
  bool compileOnly = false; ///< nothing is launched: the device may be a target such as "sm_90a"
  std::string against;    ///< a second device whose results are the expected ones; empty: the recording's are
  size_t differences = 0; ///< how many wrong elements to list
  std::vector<Treatment> treatments;
};

/// Opens the device on the first call and keeps it for later ones.
CaseResult execute(const std::string& root, const std::string& id, const ExecuteOptions& options);

} // namespace tuned::conformance
