// Who started the daemon, when it wants to know how that went: systemd, or `tunectl serve --detach`.
#pragma once

#include <string>

namespace tuned {

/// Speaks the protocol of sd_notify(3): datagrams to the Unix socket that $NOTIFY_SOCKET names. Without one,
/// nothing.
class Starter {
public:
  /// Takes the variable out of the environment, so that workers do not speak in the daemon's name. Before any
  /// thread is started.
  Starter();
  /// "READY=1", "STATUS=…": one per line.
  void tell(const std::string& state) const;
  /// Seconds within which it wants to hear "WATCHDOG=1" again; 0: it does not watch.
  double watchdogSeconds() const { return watchdog_; }

private:
  double watchdog_ = 0;
  std::string socket_; ///< a path, or "@" and a name in the abstract namespace
};

} // namespace tuned
