#include "daemon/worker/confinement/limits.h"

#include <cmath>
#include <poll.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace tuned {

void endWithParent(int channel) {
  // Not PR_SET_PDEATHSIG: that follows the thread that spawned this process, not the daemon.
  std::thread([channel] {
    pollfd one{channel, POLLRDHUP, 0};
    while (::poll(&one, 1, -1) <= 0 || !(one.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))) {
    }
    ::_exit(0);
  }).detach();
}

void limitMemory([[maybe_unused]] int64_t bytes) {
#ifndef TUNED_SANITIZED // a sanitizer's shadow takes terabytes of addresses
  rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
}

void limitProcessorTime(double seconds) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto spent = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
  rlimit limit{};
  ::getrlimit(RLIMIT_CPU, &limit);
  limit.rlim_cur = static_cast<rlim_t>(std::ceil(spent + seconds) + 1);
  ::setrlimit(RLIMIT_CPU, &limit);
}

void beNice() {
  (void)::setpriority(PRIO_PROCESS, 0, 10);
}

} // namespace tuned
