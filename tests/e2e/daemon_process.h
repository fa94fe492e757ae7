// A daemon of a test's own: real binaries beside the test program, a private socket and cache.
#pragma once

#include "client/client.h"
#include "client/endpoint.h"
#include "client/tunectl/process.h"
#include "tests/support/reports.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace tuned::e2e {

inline std::string program(const std::string& name) {
  return client::programFolder() + "/" + name;
}

/// A folder in the system's place for temporary files, removed with the object.
class Folder {
public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tuned-e2e-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name, std::ios::binary) << text;
    return *this / name;
  }

private:
  std::string path_;
};

class DaemonProcess {
public:
  explicit DaemonProcess(std::vector<std::string> options = {}) : options_(std::move(options)) { start(); }
  ~DaemonProcess() {
    stop(SIGTERM);
    test::showReports(log());
  }

  void start() {
    std::vector<std::string> command = {program("tuned"),  "--socket", socket(), "--cache",
                                        folder_ / "cache", "--device", "cpu"};
    command.insert(command.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (std::string& argument : command)
      arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (folder_ / "log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (posix_spawn(&process_, arguments[0], &actions, nullptr, arguments.data(), environ) != 0)
      process_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 2400 && running() && !ready(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }

  /// Whether it answers and knows its devices.
  bool ready() const {
    auto client = client::Client::connect({socket(), 1});
    return client && client->page("/readyz");
  }

  /// Sends the signal and waits; the exit status as waitpid gives it.
  int stop(int signal) {
    if (process_ <= 0) return -1;
    kill(process_, signal);
    int status = -1;
    for (int i = 0; i < 1200 && waitpid(process_, &status, WNOHANG) == 0; ++i) {
      if (i == 1199) kill(process_, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    process_ = -1;
    return status;
  }

  bool running() const { return process_ > 0 && waitpid(process_, nullptr, WNOHANG) == 0; }
  pid_t process() const { return process_; }
  std::string socket() const { return folder_ / "tuned.sock"; }
  const Folder& folder() const { return folder_; }
  std::string log() const {
    std::ifstream in(folder_ / "log");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  client::Client connect(double timeout = 60) const {
    auto client = client::Client::connect({socket(), timeout});
    if (!client) throw std::runtime_error(client.error().text() + "\n" + log());
    return std::move(*client);
  }
  /// tunectl with these arguments against this daemon.
  tunectl::Finished tunectl(std::vector<std::string> arguments, double seconds = 240) const {
    arguments.insert(arguments.begin(), program("tunectl"));
    arguments.insert(arguments.end(), {"--socket", socket()});
    auto finished = tunectl::runProgram(arguments, seconds);
    if (!finished) throw std::runtime_error(finished.error().text());
    return *finished;
  }

private:
  Folder folder_;
  std::vector<std::string> options_;
  pid_t process_ = -1;
};

} // namespace tuned::e2e
