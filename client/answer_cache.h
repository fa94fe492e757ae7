// Answers in memory: many threads read, few write.
#pragma once

#include "client/client.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <pthread.h>
#include <shared_mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tuned::client {

/// A winner that no tuning under way will replace. Whatever has a tuning behind it is asked for again.
inline bool isSettled(const protocol::Answer& answer) {
  return answer.source == "cache" && !answer.stale && answer.job.empty();
}

/// What was asked. The view form looks up without copying.
struct QuestionView {
  std::string_view kernel, device;
  const protocol::Values* sizes;
};
struct Question {
  std::string kernel, device;
  protocol::Values sizes;
  operator QuestionView() const { return {kernel, device, &sizes}; }
};

struct QuestionHash {
  using is_transparent = void;
  size_t operator()(const QuestionView& question) const;
};
struct QuestionEqual {
  using is_transparent = void;
  bool operator()(const QuestionView& a, const QuestionView& b) const {
    return a.kernel == b.kernel && a.device == b.device && *a.sizes == *b.sizes;
  }
};

/// std::shared_mutex whose readers do not pass a waiting writer: of glibc's they do, and a few that read all
/// the time keep a better answer out for ever.
class WriterFirstMutex {
public:
  WriterFirstMutex() {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&lock_, &attributes);
    pthread_rwlockattr_destroy(&attributes);
  }
  ~WriterFirstMutex() { pthread_rwlock_destroy(&lock_); }
  WriterFirstMutex(const WriterFirstMutex&) = delete;
  void lock() { pthread_rwlock_wrlock(&lock_); }
  void unlock() { pthread_rwlock_unlock(&lock_); }
  void lock_shared() { pthread_rwlock_rdlock(&lock_); }
  void unlock_shared() { pthread_rwlock_unlock(&lock_); }

private:
  pthread_rwlock_t lock_;
};

/// Keeps answers; a thread of its own asks again for those that a tuning is about to better.
class AnswerCache {
public:
  /// Asks the daemon, without waiting for a tuning; called from the cache's thread.
  using Ask = std::function<Result<protocol::Answer>(const Question&)>;
  explicit AnswerCache(Ask ask) : ask_(std::move(ask)) {}
  ~AnswerCache();
  AnswerCache(const AnswerCache&) = delete;

  /// Null when the question was not answered yet.
  AnswerPointer find(const QuestionView& question) const;
  AnswerPointer insert(const Question& question, protocol::Answer answer);
  /// A tuning that was followed to its end has this answer: it replaces what is known of the same problem.
  void replace(const protocol::Answer& answer);

private:
  struct Provisional {
    Question question;
    std::chrono::steady_clock::time_point next;
    std::chrono::milliseconds delay;
  };
  void refresh();
  bool refreshOne(Provisional& entry);

  Ask ask_;
  mutable WriterFirstMutex mutex_;
  std::unordered_map<Question, AnswerPointer, QuestionHash, QuestionEqual> answers_;

  std::mutex threadMutex_; ///< guards what follows
  std::condition_variable wake_;
  std::vector<Provisional> provisional_;
  bool stop_ = false;
  std::thread thread_; ///< started with the first provisional answer
};

} // namespace tuned::client
