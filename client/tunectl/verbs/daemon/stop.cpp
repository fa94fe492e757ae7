#include "client/tunectl/verbs/daemon/stop.h"

#include "client/tunectl/verbs.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
/// A process that stays the same one while this is open (pidfd_open(2)).
class Process {
public:
  explicit Process(pid_t number) : descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, number, 0))) {}
  ~Process() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Process(const Process&) = delete;
  bool there() const { return descriptor_ >= 0; }
  bool signal(int which) const {
    return ::syscall(SYS_pidfd_send_signal, descriptor_, which, nullptr, 0) == 0;
  }
  /// Whether it ends within so many seconds.
  bool ends(double seconds) const {
    pollfd entry{descriptor_, POLLIN, 0};
    return ::poll(&entry, 1, static_cast<int>(1e3 * seconds)) > 0;
  }

private:
  int descriptor_;
};

std::string textOf(pid_t process, const char* what) {
  std::ifstream in("/proc/" + std::to_string(process) + "/" + what);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Why this process is not to be ended from here; nothing: it may be.
Result<void> mayEnd(const Process& process, pid_t number) {
  const std::string named = "process " + std::to_string(number);
  // In another PID namespace the number that the daemon tells is nobody's or somebody else's.
  if (!process.there() || !textOf(number, "comm").starts_with("tuned"))
    return fail(ErrorKind::Unavailable, "the daemon says that it is " + named + ", which is not one here",
                "it runs in a container of its own: stop it there");
  const std::string cgroup = textOf(number, "cgroup");
  if (cgroup.find("gpu-tuned.service") == std::string::npos) return {};
  const bool users = cgroup.find("user@") != std::string::npos;
  return fail(ErrorKind::Unsupported, "systemd has started the daemon (" + named + ") and would do so again",
              users ? "systemctl --user stop gpu-tuned.service"
                    : "systemctl stop gpu-tuned.socket gpu-tuned.service");
}

Result<pid_t> end(const Globals& globals) {
  auto client = connect(globals);
  auto before = client ? client->status() : fail(client.error());
  if (!before) return fail(before.error());
  const auto number = static_cast<pid_t>(before->pid);
  const Process process(number);
  if (auto may = mayEnd(process, number); !may) return fail(may.error());
  // Still the daemon: the number was not given anew between its answer and the opening.
  auto still = client->status();
  if (!still) return fail(still.error());
  if (still->pid != before->pid)
    return fail(ErrorKind::Unavailable, "another daemon has taken over the socket meanwhile", "try again");
  if (!process.signal(SIGTERM))
    return fail(errno == EPERM ? ErrorKind::Denied : ErrorKind::Internal,
                "process " + std::to_string(number) + " cannot be ended: " + std::strerror(errno),
                "ask the user who started it, or root");
  if (!process.ends(globals.timeout))
    return fail(ErrorKind::TimedOut,
                "the daemon (process " + std::to_string(number) + ") has not ended within " +
                    std::to_string(static_cast<int>(globals.timeout)) + " s",
                "nothing is lost with kill -9 " + std::to_string(number));
  return number;
}

int stop(const Globals& globals) {
  const auto ended = end(globals);
  if (!ended) return report(globals, ended.error());
  if (globals.json)
    std::cout << nlohmann::json({{"process", *ended}}).dump() << '\n';
  else
    std::cout << "the daemon has ended (process " << *ended << "); the next one goes on with its tunings\n";
  return done;
}
} // namespace

void addStop(CLI::App& app, Context& context) {
  app.add_subcommand("stop",
                     "end the daemon, such as one that `serve --detach` has started, and wait until it "
                     "has; one of systemd's is left to systemctl")
      ->callback([&context] { context.run = [&context] { return stop(context.globals); }; });
}

} // namespace tuned::tunectl
