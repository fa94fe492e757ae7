#include "client/answer_cache.h"

#include <algorithm>

namespace tuned::client {

namespace {
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds firstDelay{50}, longestDelay{2000};

/// A tuning under way may better it: also a winner that is tuned anew (tune with force).
bool isProvisional(const protocol::Answer& answer) {
  return !answer.job.empty();
}
} // namespace

size_t QuestionHash::operator()(const QuestionView& question) const {
  // Names of sizes are few and short, and equal between questions on one kernel: their values tell enough.
  size_t hash = std::hash<std::string_view>{}(question.kernel);
  const auto mix = [&hash](uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2);
    hash *= 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  };
  mix(question.device.size() +
      (question.device.empty() ? 0 : static_cast<uint64_t>(question.device.back()) << 8));
  for (const auto& [name, value] : *question.sizes)
    mix(static_cast<uint64_t>(value));
  return hash;
}

AnswerCache::~AnswerCache() {
  {
    const std::lock_guard lock(threadMutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

AnswerPointer AnswerCache::find(const QuestionView& question) const {
  const std::shared_lock lock(mutex_);
  const auto it = answers_.find(question);
  return it == answers_.end() ? nullptr : it->second;
}

AnswerPointer AnswerCache::insert(const Question& question, protocol::Answer answer) {
  const bool provisional = isProvisional(answer);
  auto pointer = std::make_shared<const protocol::Answer>(std::move(answer));
  {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(question, pointer);
  }
  if (provisional) {
    const std::lock_guard lock(threadMutex_);
    const auto same = [&](const Provisional& entry) { return QuestionEqual{}(entry.question, question); };
    if (!stop_ && std::ranges::none_of(provisional_, same)) {
      provisional_.push_back({question, Clock::now() + firstDelay, firstDelay});
      if (!thread_.joinable()) thread_ = std::thread([this] { refresh(); });
      wake_.notify_all();
    }
  }
  return pointer;
}

void AnswerCache::replace(const protocol::Answer& answer) {
  AnswerPointer pointer;
  const std::lock_guard lock(mutex_);
  for (auto& [question, known] : answers_) {
    if (known->kernel != answer.kernel || known->device != answer.device || known->sizes != answer.sizes)
      continue;
    if (!pointer) pointer = std::make_shared<const protocol::Answer>(answer);
    known = pointer;
  }
}

bool AnswerCache::refreshOne(Provisional& entry) {
  auto answer = ask_(entry.question);
  // A daemon that is away may come back; any other refusal will not change.
  if (!answer)
    return answer.error().kind == ErrorKind::Unavailable || answer.error().kind == ErrorKind::TimedOut;
  const bool again = isProvisional(*answer);
  const std::lock_guard lock(mutex_);
  answers_.insert_or_assign(entry.question, std::make_shared<const protocol::Answer>(std::move(*answer)));
  return again;
}

void AnswerCache::refresh() {
  std::unique_lock lock(threadMutex_);
  while (!stop_) {
    const auto due = std::ranges::min_element(provisional_, {}, &Provisional::next);
    if (due == provisional_.end()) {
      wake_.wait(lock);
    } else if (due->next > Clock::now()) {
      wake_.wait_until(lock, due->next);
    } else {
      Provisional entry = std::move(*due);
      provisional_.erase(due);
      lock.unlock();
      const bool again = refreshOne(entry);
      lock.lock();
      if (!again) continue;
      entry.delay = std::min(entry.delay * 2, longestDelay);
      entry.next = Clock::now() + entry.delay;
      provisional_.push_back(std::move(entry));
    }
  }
}

} // namespace tuned::client
