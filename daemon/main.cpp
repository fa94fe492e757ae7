// The daemon's way from its options to its end.
#include "daemon/http/server.h"
#include "daemon/options.h"
#include "daemon/service/devices.h"
#include "daemon/service/service.h"
#include "daemon/starter.h"

#include <csignal>
#include <iostream>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <thread>

namespace {

constexpr int badConfiguration = 78, failedExit = 1;

int complain(const tuned::Error& error) {
  std::cerr << "tuned: " << error.text() << "\n";
  bool configuration = error.kind == tuned::ErrorKind::InvalidInput;
  return configuration ? badConfiguration : failedExit;
}

/// Finds the devices while requests that need none are served already: a GPU's driver takes seconds to start.
/// A device asked for by name that is not there is an error of the configuration, and given back.
std::optional<tuned::Error> search(tuned::Service& service, const std::stop_token& stop) {
  const tuned::Options& options = service.options();
  auto devices = tuned::findDevices(options.worker, options.devices, stop);
  if (stop.stop_requested()) return std::nullopt;
  if (!devices && !options.devices.empty() && devices.error().kind == tuned::ErrorKind::NotFound)
    return devices.error();
  std::vector<std::string> problems;
  if (!devices) {
    problems.push_back("no device can be used: " + devices.error().text());
    spdlog::error("{}", problems.back());
    devices = std::vector<tuned::KnownDevice>();
  }
  for (const tuned::KnownDevice& device : *devices)
    spdlog::info("device {}: {} ({})", device.info.id, device.info.name, device.info.architecture);
  service.setDevices(std::move(*devices), std::move(problems));
  return std::nullopt;
}

} // namespace

int main(int argc, char** argv) {
  const tuned::Starter starter;
  auto line = tuned::parseCommandLine(argc, argv);
  if (!line) return complain(line.error());
  if (line->exit) return 0;
  const tuned::Options& options = line->options;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file-size limit is a full disk, not the end
  spdlog::set_default_logger(spdlog::stderr_logger_mt("tuned"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  spdlog::set_level(spdlog::level::from_str(options.logLevel));

  // Goes last: who sees no socket may start the next daemon on the same cache.
  tuned::SocketFile socketFile;
  auto store = tuned::store::Store::open(options.cache);
  if (!store) return complain(store.error());
  for (const std::string& notice : (*store)->notices())
    spdlog::warn("{}", notice);
  tuned::Service service(options, std::move(*store));
  auto server = tuned::Server::open(service, options);
  if (!server) return complain(server.error());
  spdlog::info("serving on {}", options.socket);
  std::optional<tuned::Error> wrongDevice;
  std::jthread searching([&](const std::stop_token& stop) {
    wrongDevice = search(service, stop);
    if (wrongDevice) return (*server)->stop();
    if (!stop.stop_requested()) starter.tell("READY=1\nSTATUS=serving on " + options.socket);
  });
  (*server)->run();
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
