// A worker program whose requests say how it shall fail: what the pool's tests run.
#include "daemon/worker/confinement/confine.h"
#include "daemon/worker/confinement/limits.h"
#include "daemon/worker/loop.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {
using nlohmann::json;

/// What the process was started with.
json surroundings() {
  json out = {{"descriptors", json::array()}, {"environment", json::array()}};
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    out["descriptors"].push_back(std::stoi(entry.path().filename()));
  for (char** variable = environ; *variable; ++variable)
    out["environment"].push_back(*variable);
  return out;
}

bool opens(const std::string& path, int how) {
  const int file = ::open(path.c_str(), how | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
  return file >= 0;
}

std::string status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":")) return line.substr(line.find_first_not_of(" \t", key.size() + 1));
  return "";
}

/// Whether each thing that it should not be able to do succeeds.
json afterConfinement(tuned::Duty duty) {
  const std::string folder = std::getenv("TMPDIR");
  const pid_t parent = ::getppid();
  json out = {{"entered", tuned::enterConfinement(duty)}};
  out["capabilities"] = status("CapEff");
  out["bounding"] = status("CapBnd");
  out["no_new_privileges"] = status("NoNewPrivs");
  out["filters"] = status("Seccomp");
  out["user"] = ::getuid();
  out["own_folder"] = opens(folder + "/file", O_WRONLY | O_CREAT);
  out["libraries"] = opens("/usr/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY);
  out["passwords"] = opens("/etc/passwd", O_RDONLY);
  out["root"] = opens("/root", O_RDONLY | O_DIRECTORY);
  out["temporary"] = opens("/tmp/tuned-escape", O_WRONLY | O_CREAT);
  out["memory_of_daemon"] = opens("/proc/" + std::to_string(parent) + "/mem", O_RDWR);
  out["network"] = ::socket(AF_INET, SOCK_STREAM, 0) >= 0;
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  out["sockets"] = socket >= 0;
  out["datagrams"] = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
  const sockaddr_un nobody = {AF_UNIX, "nobody-listens"};
  out["connections"] =
      socket >= 0 &&
      (::connect(socket, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody) == 0 || errno != EPERM);
  out["signals"] = ::kill(parent, 0) == 0;
  out["tracing"] = ::ptrace(PTRACE_ATTACH, parent, nullptr, nullptr) == 0;
  out["shell"] = ::system("true") == 0;
  out["namespaces"] = ::unshare(CLONE_NEWUSER) == 0;
  std::thread([&] { out["threads"] = true; }).join();
  if (duty == tuned::Duty::MeasureCpu) {
    out["closed"] = tuned::closeFiles().has_value();
    out["libraries_after"] = opens("/usr/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY);
    std::thread([&] { out["threads_after"] = true; }).join();
  }
  return out;
}
} // namespace

int main() {
  return tuned::serve(
      [](const nlohmann::json& request, const tuned::Ask& ask) -> tuned::Result<nlohmann::json> {
        const std::string op = request.at("op");
        if (op == "ask") {
          json out = json::array();
          for (const json& question : request.at("questions")) {
            auto answer = ask(question);
            if (!answer) return tuned::fail(answer.error());
            out.push_back(answer->value("twice", 0));
          }
          return out;
        }
        if (op == "ask for ever")
          for (;;)
            if (auto answer = ask("again"); !answer) return tuned::fail(answer.error());
        if (op == "ask and die") {
          auto answer = ask("last words");
          ::raise(SIGSEGV);
        }
        if (op == "say") { // bytes that stand for an answer
          const std::string bytes = request.at("bytes");
          if (::write(tuned::channelDescriptor, bytes.data(), bytes.size()) < 0) ::_exit(4);
          for (;;)
            ::pause();
        }
        if (op == "leave a child") {
          const pid_t child = ::fork();
          for (; child == 0;)
            ::pause();
          return child;
        }
        if (op == "pid") return ::getpid();
        static json remembered;
        if (op == "remember") remembered = request.at("value");
        if (op == "remember" || op == "recall") {
          ::usleep(200'000); // so that callers at a time have a process each
          return remembered;
        }
        if (op == "echo") return request.at("value");
        if (op == "error") return tuned::fail(tuned::ErrorKind::Unsupported, "not this one", "another");
        if (op == "segv") ::raise(SIGSEGV);
        if (op == "kill") ::raise(SIGKILL);
        if (op == "term") ::raise(SIGTERM);
        if (op == "exit") ::_exit(3);
        if (op == "hang")
          for (;;)
            ::pause();
        if (op == "spin") {
          tuned::limitProcessorTime(0.1);
          for (std::atomic<uint64_t> i = 0;; ++i) {
          }
        }
        if (op == "memory") {
          tuned::limitMemory(int64_t{1} << 30);
          return std::vector<char>(size_t{2} << 30, 'x').size();
        }
        if (op == "fill") return std::vector<char>(request.at("bytes").get<size_t>(), 'x').size();
        if (op == "threads") { // how many of these may run at a time
          std::vector<std::jthread> running;
          try {
            while (running.size() < request.at("most").get<size_t>())
              running.emplace_back([](const std::stop_token& stop) {
                while (!stop.stop_requested())
                  ::usleep(1000);
              });
          } catch (const std::system_error&) {
          }
          return running.size();
        }
        if (op == "orphan") { // a process that outlives its worker
          const pid_t child = ::fork();
          if (child == 0)
            for (::setsid();;)
              ::pause();
          return child;
        }
        if (op == "orphan's orphan") { // one that has no parent left
          int ends[2];
          if (::pipe(ends) != 0) return -1;
          const pid_t child = ::fork();
          if (child == 0) {
            const pid_t grandchild = ::fork();
            if (grandchild == 0)
              for (::setsid();;)
                ::pause();
            ::_exit(::write(ends[1], &grandchild, sizeof grandchild) == sizeof grandchild ? 0 : 1);
          }
          pid_t left = -1;
          if (::read(ends[0], &left, sizeof left) != sizeof left) return -1;
          ::waitpid(child, nullptr, 0);
          return left;
        }
        if (op == "surroundings") return surroundings();
        if (op == "confine") return afterConfinement(static_cast<tuned::Duty>(request.at("duty")));
        return request.at("missing");
      });
}
