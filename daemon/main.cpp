// The daemon's way from its options to its end.
#include "daemon/http/server.h"
#include "daemon/options.h"
#include "daemon/service/devices.h"
#include "daemon/service/service.h"
#include "daemon/starter.h"
#include "daemon/worker_pool/process.h"
#include "daemon/worker_pool/strays.h"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <malloc.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr int badConfiguration = 78, failedExit = 1;

/// "<3>" for an error: syslog's number of a line's level.
class JournalLevel : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    constexpr const char* numbers[] = {"<7>", "<7>", "<6>", "<4>", "<3>", "<2>", "<6>"};
    const std::string_view number = numbers[message.level];
    out.append(number.data(), number.data() + number.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JournalLevel>(); }
};

int complain(const tuned::Error& error) {
  std::cerr << "tuned: " << error.text() << "\n";
  bool configuration = error.kind == tuned::ErrorKind::InvalidInput;
  return configuration ? badConfiguration : failedExit;
}

/// Finds the devices while requests that need none are served already: a GPU's driver takes seconds to start.
/// A device asked for by name that is not there is an error of the configuration, and given back.
std::optional<tuned::Error> search(tuned::Service& service, const std::stop_token& stop) {
  const tuned::Options& options = service.options();
  auto found = tuned::findDevices(options.worker, options.devices, stop);
  if (stop.stop_requested()) return std::nullopt;
  if (!found && !options.devices.empty() && found.error().kind == tuned::ErrorKind::NotFound)
    return found.error();
  std::vector<std::string> problems;
  if (!found) {
    problems.push_back("no device can be used: " + found.error().text());
    spdlog::error("{}", problems.back());
    found = tuned::FoundDevices();
  }
  for (const tuned::KnownDevice& device : found->devices)
    spdlog::info("device {}: {} ({})", device.info.id, device.info.name, device.info.architecture);
  for (const std::string& notice : found->notices) {
    spdlog::warn("{}", notice);
    problems.push_back(notice);
  }
  service.setDevices(std::move(found->devices), std::move(problems));
  return std::nullopt;
}

/// What the service manager gave this daemon to limit its workers with, or null.
std::shared_ptr<tuned::Cgroups> givenCgroups() {
  auto own = tuned::Cgroups::own();
  auto opened = own ? tuned::Cgroups::open(*own) : tuned::fail(own.error());
  if (!opened) {
    spdlog::debug("{}", opened.error().text());
    return nullptr;
  }
  spdlog::info("workers are limited through the cgroup {}", *own);
  return std::move(*opened);
}

/// As many descriptors as the machine lets this process have: each client takes one.
void raiseDescriptorLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The daemon's end comes within five seconds whatever hangs: a disk, a driver, a worker that cannot be
/// killed. What was acknowledged is on the disk, and workers end with the daemon.
void endForCertain() {
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(4500));
    spdlog::warn("ended without waiting for what still runs");
    ::_exit(0);
  }).detach();
}

/// Lines for the journal carry their level in front (sd-daemon(3)) and leave the time to it.
void setUpLog(const tuned::Options& options) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("tuned"));
  if (std::getenv("JOURNAL_STREAM")) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JournalLevel>('*').set_pattern("%*%v");
    spdlog::set_formatter(std::move(formatter));
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  }
  spdlog::set_level(spdlog::level::from_str(options.logLevel));
}

/// What the service manager hears besides being ready, the burial of what workers left, and the end of a
/// daemon that nobody needs.
void keepTime(tuned::Server& server, const tuned::Service& service, const tuned::Starter& starter) {
  if (const double seconds = starter.watchdogSeconds(); seconds > 0)
    server.every(seconds / 3, [&starter] { starter.tell("WATCHDOG=1"); });
  server.every(60, [] { tuned::strays::reapDead(); });
  server.onEnd([&starter] {
    starter.tell("STOPPING=1");
    endForCertain();
  });
  const double idle = service.options().exitIdleSeconds;
  if (idle <= 0) return;
  auto since = std::make_shared<std::chrono::steady_clock::time_point>(std::chrono::steady_clock::now());
  server.every(std::min(1.0, idle / 4), [&server, &service, since, idle] {
    const auto now = std::chrono::steady_clock::now();
    if (server.connections() > 0 || !service.idle()) *since = now;
    if (std::chrono::duration<double>(now - *since).count() < idle) return;
    spdlog::info("idle for {} s", idle);
    server.stop();
  });
}

} // namespace

int main(int argc, char** argv) {
  ::umask(0077);
  const tuned::Starter starter;
  auto line = tuned::parseCommandLine(argc, argv);
  if (!line) return complain(line.error());
  if (line->exit) return 0;
  const tuned::Options& options = line->options;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file-size limit is a full disk, not the end
  raiseDescriptorLimit();
  // Large documents go back to the system as soon as they are done with, and threads share their memory.
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  ::mallopt(M_ARENA_MAX, 2);
  setUpLog(options);
  tuned::WorkerFolder::sweep();
  tuned::strays::adopt();

  // Goes last: who sees no socket may start the next daemon on the same cache.
  tuned::SocketFile socketFile;
  auto store = tuned::store::Store::open(options.cache);
  if (!store) return complain(store.error());
  for (const std::string& notice : (*store)->notices())
    spdlog::warn("{}", notice);
  (*store)->listen([](const std::string& notice) { spdlog::warn("{}", notice); });
  tuned::Service service(options, std::move(*store), givenCgroups());
  auto server = tuned::Server::open(service, options);
  if (!server) return complain(server.error());
  keepTime(**server, service, starter);
  spdlog::info("serving on {}", options.socket);
  std::optional<tuned::Error> wrongDevice;
  std::jthread searching([&](const std::stop_token& stop) {
    wrongDevice = search(service, stop);
    if (wrongDevice) return (*server)->stop();
    if (stop.stop_requested()) return;
    starter.tell("READY=1\nSTATUS=serving on " + options.socket);
    service.measureLater();
  });
  (*server)->run([&]() -> tuned::Result<tuned::Options> {
    auto again = tuned::parseCommandLine(argc, argv);
    if (!again) return tuned::fail(again.error());
    return again->options;
  });
  socketFile = (*server)->takeSocketFile();
  searching.request_stop();
  searching.join();
  if (wrongDevice) {
    std::cerr << "tuned: " << wrongDevice->text() << "\n";
    return badConfiguration;
  }
  spdlog::info("ended");
  return 0;
}
