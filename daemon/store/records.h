// What the cache keeps. Sizes and configurations are compact JSON objects in name order, so that equal ones
// are equal text.
#pragma once

#include "base/model/build.h"
#include "base/model/measurement.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tuned::store {

/// A kernel document, and under which name by whom it was last submitted.
struct DocumentRecord {
  std::string sha;    ///< SHA-256 of the text
  std::string kernel; ///< what it hashes to (Kernel::id); whoever reads it checks that
  std::string name;
  std::string owner; ///< the user's number; empty: not known
  std::string text;  ///< with its source inlined
  double created = 0;
};

struct TargetRecord {
  std::string id;          ///< SHA-256 of the description
  std::string hardware;    ///< SHA-256 of the part that an upgrade of driver or toolkit does not change
  std::string device;      ///< "cpu", "cuda:0"
  std::string description; ///< JSON
  std::string toolchain;   ///< toolchainId(); not kept with the target
};

/// What a tuning is about.
struct ProblemKey {
  std::string kernel, sizes, target;
  auto operator<=>(const ProblemKey&) const = default;
};

struct ArtefactRecord {
  std::string sha; ///< SHA-256 of bytes
  std::string format, target, bytes;
};

struct BuildRecord {
  int64_t id = 0;
  BuildKey key;
  Build build;
  double created = 0; ///< Unix time; set by the store
};

/// The policy of measurements whose fastest is the winner.
constexpr const char* byTime = "cold";

/// A measurement with the build that was measured.
struct MeasurementRecord {
  int64_t id = 0;
  BuildRecord build;
  Measurement measurement; ///< kernel, sizes, configuration and device are filled in on reading
  std::string target;
  std::string policy = byTime; ///< how it was measured
  std::string source;          ///< empty: here; else from where it was imported
  int64_t search = 0;          ///< the search it belongs to; 0: none
  bool finalist = false;       ///< timed against the best others
  bool history = false;        ///< does not stand for its build (any more)
  double created = 0;          ///< Unix time; set by the store when 0
};

/// One run of the tuner over a problem.
struct SearchRecord {
  int64_t id = 0;
  ProblemKey problem;
  std::string job;
  std::string document; ///< SHA-256
  std::string question; ///< what was asked beside the problem: tolerance, space, policy
  std::string strategy;
  int64_t space = 0, tried = 0;
  std::string stopped = {}; ///< why it ended
  std::string failure =
      {}; ///< why nothing of the whole space works; empty: something does, or not all was tried
  std::map<std::string, double> phases = {}; ///< seconds by phase
  double began = 0, ended = 0;               ///< Unix time; ended 0: it has not
};

/// A part of a list by name and hash, and the place that the rest lies behind.
struct DocumentPage {
  struct Place {
    std::string name, sha; ///< sha empty: none
  };
  std::vector<DocumentRecord> documents;
  Place next;
};

struct MeasurementPage {
  std::vector<MeasurementRecord> measurements;
  int64_t next = 0; ///< the number of the last; 0: there are no more
};

struct DecidedPage {
  struct Place {
    int64_t problem = 0; ///< 0: none
    std::string target;
  };
  std::vector<ProblemKey> problems;
  Place next;
};

/// What an owner has given names to.
struct Held {
  int64_t documents = 0, bytes = 0;
};

/// A tuning that was acknowledged.
struct JobRecord {
  std::string id, state, request, outcome; ///< request and outcome are JSON
  double created = 0;
  std::optional<unsigned> user = {}; ///< who asked for it; nothing: that was not kept
};

struct Counts {
  int64_t kernels = 0, measurements = 0, winners = 0, builds = 0, artefacts = 0, bytes = 0;
};

/// Empty members match all.
struct Filter {
  std::string kernel; ///< id, or a name
  std::string sizes;  ///< a key
  std::string device; ///< "cuda:0", or a target's id
};

/// What a cleaning took away.
struct Removed {
  int64_t documents = 0, builds = 0, measurements = 0, artefacts = 0, bytes = 0, jobs = 0;
};

} // namespace tuned::store
