// Answers that are not winners: compiled for a miss, kept in memory while the tuning goes on behind them.
#pragma once

#include "client/protocol/messages.h"
#include "daemon/store/records.h"

#include <deque>
#include <mutex>
#include <optional>

namespace tuned {

/// Calls are safe from any thread. Holds the newest entries only.
class Provisional {
public:
  void put(const store::ProblemKey& problem, const protocol::Answer& answer, store::ArtefactRecord artefact);
  std::optional<protocol::Answer> answer(const store::ProblemKey& problem) const;
  std::optional<store::ArtefactRecord> artefact(const std::string& sha) const;
  void drop();

private:
  static constexpr size_t limit = 64;
  struct Entry {
    store::ProblemKey problem;
    protocol::Answer answer;
    store::ArtefactRecord artefact;
  };
  mutable std::mutex mutex_;
  std::deque<Entry> entries_; ///< oldest first
};

} // namespace tuned
