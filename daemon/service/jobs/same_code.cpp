#include "daemon/service/jobs/same_code.h"

namespace tuned {

bool SameCode::begin(const std::string& code) {
  const std::lock_guard guard(mutex_);
  return !made_.contains(code) && making_.insert(code).second;
}

void SameCode::end(const std::string& code, std::shared_ptr<const Artefact> made) {
  const std::lock_guard guard(mutex_);
  making_.erase(code);
  if (made && !made_.contains(code)) keep(code, std::move(made));
  changed_.notify_all();
}

/// Under the lock. What was made first goes first; whoever has its code after that makes it again.
void SameCode::keep(const std::string& code, std::shared_ptr<const Artefact> made) {
  bytes_ += made->bytes.size();
  made_.emplace(code, std::move(made));
  order_.push_back(code);
  for (; bytes_ > most_ && !order_.empty(); order_.pop_front()) {
    const auto oldest = made_.find(order_.front());
    bytes_ -= oldest->second->bytes.size();
    made_.erase(oldest);
  }
}

std::shared_ptr<const Artefact> SameCode::wait(const std::string& code, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return !making_.contains(code); })) return nullptr;
  auto made = made_.find(code);
  return made == made_.end() ? nullptr : made->second;
}

size_t SameCode::bytes() const {
  const std::lock_guard guard(mutex_);
  return bytes_;
}

void SameCode::forget() {
  const std::lock_guard guard(mutex_);
  made_.clear();
  order_.clear();
  bytes_ = 0;
}

} // namespace tuned
