// A worker program whose requests say how it shall fail: what the pool's tests run.
#include "daemon/worker/limits.h"
#include "daemon/worker/loop.h"

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <vector>

int main() {
  return tuned::serve([](const nlohmann::json& request) -> tuned::Result<nlohmann::json> {
    const std::string op = request.at("op");
    if (op == "pid") return ::getpid();
    if (op == "echo") return request.at("value");
    if (op == "error") return tuned::fail(tuned::ErrorKind::Unsupported, "not this one", "another");
    if (op == "segv") ::raise(SIGSEGV);
    if (op == "kill") ::raise(SIGKILL);
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
    return request.at("missing");
  });
}
