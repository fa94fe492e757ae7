// The daemon's way from its options to its end.
#include "daemon/devices.h"
#include "daemon/options.h"
#include "daemon/server.h"
#include "daemon/service.h"

#include <csignal>
#include <iostream>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace {

constexpr int badConfiguration = 78, failedExit = 1;

int complain(const tuned::Error& error) {
  std::cerr << "tuned: " << error.text() << "\n";
  bool configuration = error.kind == tuned::ErrorKind::InvalidInput;
  return configuration ? badConfiguration : failedExit;
}

} // namespace

int main(int argc, char** argv) {
  auto line = tuned::parseCommandLine(argc, argv);
  if (!line) return complain(line.error());
  if (line->exit) return 0;
  const tuned::Options& options = line->options;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file-size limit is a full disk, not the end
  spdlog::set_default_logger(spdlog::stderr_logger_mt("tuned"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  spdlog::set_level(spdlog::level::from_str(options.logLevel));

  auto store = tuned::store::Store::open(options.cache);
  if (!store) return complain(store.error());
  for (const std::string& notice : (*store)->notices())
    spdlog::warn("{}", notice);
  std::vector<std::string> problems;
  auto devices = tuned::findDevices(options.worker, options.devices);
  if (!devices && !options.devices.empty() && devices.error().kind == tuned::ErrorKind::NotFound) {
    std::cerr << "tuned: " << devices.error().text() << "\n";
    return badConfiguration;
  }
  if (!devices) {
    problems.push_back("no device can be used: " + devices.error().text());
    spdlog::error("{}", problems.back());
    devices = std::vector<tuned::KnownDevice>();
  }
  for (const tuned::KnownDevice& device : *devices)
    spdlog::info("device {}: {} ({})", device.info.id, device.info.name, device.info.architecture);
  tuned::Service service(options, std::move(*store), std::move(*devices), problems);
  auto server = tuned::Server::open(service, options);
  if (!server) return complain(server.error());
  service.resume();
  spdlog::info("serving {}", options.socket);
  (*server)->run();
  spdlog::info("ended");
  return 0;
}
