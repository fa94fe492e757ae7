#include "daemon/starter.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tuned {

Starter::Starter() {
  const char* named = std::getenv("NOTIFY_SOCKET");
  if (named) socket_ = named;
  ::unsetenv("NOTIFY_SOCKET");
  const char *span = std::getenv("WATCHDOG_USEC"), *process = std::getenv("WATCHDOG_PID");
  if (span && (!process || std::atol(process) == ::getpid()))
    watchdog_ = std::max(0.0, std::atof(span) / 1e6);
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

void Starter::tell(const std::string& state) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  if (::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), size) < 0)
    spdlog::warn("cannot tell {} that the daemon is ready", socket_);
  ::close(descriptor);
}

} // namespace tuned
