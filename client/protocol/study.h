// Searches of programs that compile and time by themselves: POST /v1/studies, then ask and tell.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tuned::protocol {

/// What is searched. Everything that is told is kept: opening an equal study again goes on where it was, and
/// studies of the same name and parameters learn from each other across sizes and devices.
struct StudyRequest {
  std::string name; ///< of what is tuned: up to 128 characters; required
  std::map<std::string, std::vector<int64_t>> parameters; ///< required
  std::vector<std::string> constraints;                   ///< as in kernel documents
  std::map<std::string, int64_t> sizes;                   ///< constraints may name them
  std::string device;                                     ///< in the caller's words: "H100", "my board"
  std::map<std::string, int64_t> defaults;                ///< proposed first; may be empty
  std::string strategy;                                   ///< as of a tuning
  std::string effort;                                     ///< as of a tuning
  uint64_t seed = 0;                                      ///< 0: the daemon's choice
  /// Weights of the values that are told by name, at least 0 and not all; what is made small is the product
  /// of value^weight, to the power of 1 / the sum of weights. None: one value is told.
  std::optional<std::map<std::string, double>> objective;
};

/// A configuration to try, known by its number in the study.
struct Proposal {
  int64_t number = 0;
  std::map<std::string, int64_t> configuration;
};

/// What came of one.
struct Told {
  int64_t number = 0;
  /// To be made small: seconds, joules, any weighted sum of such. Positive and finite; none: it failed.
  std::optional<double> value;
  std::string failure; ///< why there is no value
  /// In a study with an objective, in place of `value`: each that it names, positive and finite; others are
  /// passed over.
  std::optional<std::map<std::string, double>> values = {};
};

struct StudyBest {
  std::map<std::string, int64_t> configuration;
  double value = 0;
};

struct StudyInfo {
  std::string id;
  std::string name;
  std::string strategy;
  int64_t configurations = 0; ///< of the whole space
  bool sampled = false;       ///< too large to be listed: a sample is searched, and grows
  int64_t told = 0;           ///< those of earlier runs included
  int64_t waiting = 0;        ///< proposed and not told
  std::optional<StudyBest> best;
  std::optional<double> expectedGain; ///< by going on, as a share of the best value; none: not known
  bool finished = false;              ///< nothing is left, or no gain that the effort asks for is expected
};

struct AskRequest {
  int64_t count = 1; ///< 1 to 256
};
/// Fewer proposals than asked, or none: there are no more for now.
struct AskAnswer {
  std::vector<Proposal> proposals;
  StudyInfo study;
};
struct TellRequest {
  std::vector<Told> results; ///< all are taken, or none
};

} // namespace tuned::protocol
