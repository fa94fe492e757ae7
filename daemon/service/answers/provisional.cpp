#include "daemon/service/answers/provisional.h"

namespace tuned {

void Provisional::put(const store::ProblemKey& problem, const protocol::Answer& answer,
                      store::ArtefactRecord artefact) {
  std::lock_guard guard(mutex_);
  entries_.push_back({problem, answer, std::move(artefact)});
  if (entries_.size() > limit) entries_.pop_front();
}

std::optional<protocol::Answer> Provisional::answer(const store::ProblemKey& problem) const {
  std::lock_guard guard(mutex_);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry)
    if (entry->problem == problem) return entry->answer;
  return std::nullopt;
}

void Provisional::drop() {
  std::lock_guard guard(mutex_);
  entries_.clear();
}

std::optional<store::ArtefactRecord> Provisional::artefact(const std::string& sha) const {
  std::lock_guard guard(mutex_);
  for (const Entry& entry : entries_)
    if (entry.artefact.sha == sha) return entry.artefact;
  return std::nullopt;
}

} // namespace tuned
