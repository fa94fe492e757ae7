// What the cache keeps. Sizes and configurations are compact JSON objects in name order, so that equal ones
// are equal text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tuned::store {

struct KernelRecord {
  std::string id, name, document; ///< the document has its source inlined
};

struct TargetRecord {
  std::string id;          ///< SHA-256 of the description
  std::string hardware;    ///< SHA-256 of the part that an upgrade of driver or toolkit does not change
  std::string device;      ///< "cpu", "cuda:0"
  std::string description; ///< JSON
};

/// What a tuning is about.
struct ProblemKey {
  std::string kernel, sizes, target;
  auto operator<=>(const ProblemKey&) const = default;
};

struct TrialRecord {
  std::string configuration;
  std::string outcome; ///< "timed", "compile_failed", …
  std::string reason;
  std::optional<double> seconds;
  std::string details = "{}"; ///< JSON
  double created = 0;         ///< Unix time; set by the store
};

/// A trial as a list shows it, with what it belongs to.
struct TrialRow {
  int64_t id = 0;
  ProblemKey problem;
  std::string device;
  TrialRecord trial;
};

struct ArtefactRecord {
  std::string sha; ///< SHA-256 of bytes
  std::string format, target, bytes;
};

struct WinnerRecord {
  ProblemKey problem;
  std::string device;
  std::string artefact; ///< its SHA-256
  std::string body;     ///< JSON
  double created = 0;
};

/// A tuning that was acknowledged.
struct JobRecord {
  std::string id, state, request, outcome; ///< request and outcome are JSON
  double created = 0;
};

struct Counts {
  int64_t kernels = 0, trials = 0, winners = 0, artefacts = 0, bytes = 0;
};

} // namespace tuned::store
