#include "client/notice.h"

#include <cstdio>
#include <memory>
#include <mutex>

namespace tuned::client {

namespace {
std::mutex mutex;
std::shared_ptr<const Notice> listener; ///< of the mutex
std::shared_ptr<const GoOn> waiting;    ///< of the mutex
} // namespace

void onNotice(Notice notice) {
  auto given = notice ? std::make_shared<const Notice>(std::move(notice)) : nullptr;
  std::lock_guard guard(mutex);
  listener = std::move(given);
}

void notice(const std::string& text) {
  std::shared_ptr<const Notice> told;
  {
    std::lock_guard guard(mutex);
    told = listener;
  }
  if (told)
    (*told)(text);
  else
    std::fprintf(stderr, "gputuned: %s\n", text.c_str());
}

void onWait(GoOn goOn) {
  auto given = goOn ? std::make_shared<const GoOn>(std::move(goOn)) : nullptr;
  const std::lock_guard guard(mutex);
  waiting = std::move(given);
}

bool mayWait() {
  std::shared_ptr<const GoOn> asked;
  {
    const std::lock_guard guard(mutex);
    asked = waiting;
  }
  return !asked || (*asked)();
}

} // namespace tuned::client
