#include "gpu_torch.h"

#include <csignal>
#include <cstring>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned::bench {

Result<std::unique_ptr<TorchSide>> TorchSide::start(const std::string& command) {
  int down[2], up[2];
  if (pipe(down) != 0 || pipe(up) != 0)
    return fail(ErrorKind::Unavailable, std::string("no pipes: ") + std::strerror(errno));
  std::fflush(nullptr);
  std::signal(SIGPIPE, SIG_IGN); // a side that died is told from what it does not answer
  auto side = std::unique_ptr<TorchSide>(new TorchSide);
  side->process_ = fork();
  if (side->process_ == 0) {
    dup2(down[0], STDIN_FILENO);
    dup2(up[1], STDOUT_FILENO);
    for (int end : {down[0], down[1], up[0], up[1]})
      close(end);
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  close(down[0]);
  close(up[1]);
  side->to_ = fdopen(down[1], "w");
  side->from_ = fdopen(up[0], "r");
  return side;
}

Result<void> TorchSide::prepare(const std::string& what) {
  auto answer = ask(what);
  if (!answer) return fail(answer.error());
  if (*answer != "ready") return fail(ErrorKind::Unavailable, "PyTorch: " + *answer);
  return {};
}

TorchSide::~TorchSide() {
  if (to_) std::fclose(to_); // at the end of its input it ends
  if (from_) std::fclose(from_);
  if (process_ > 0) waitpid(process_, nullptr, 0);
}

Result<std::vector<double>> TorchSide::time(int repeats) {
  auto answer = ask("time " + std::to_string(repeats));
  if (!answer) return fail(answer.error());
  std::vector<double> seconds;
  std::istringstream words(*answer);
  for (double each; words >> each;)
    seconds.push_back(each);
  if (seconds.size() != static_cast<size_t>(repeats))
    return fail(ErrorKind::Unavailable, "PyTorch: " + *answer);
  return seconds;
}

Result<std::string> TorchSide::ask(const std::string& line) {
  std::fprintf(to_, "%s\n", line.c_str());
  std::fflush(to_);
  char answer[8192];
  if (!std::fgets(answer, sizeof(answer), from_))
    return fail(ErrorKind::Unavailable, "PyTorch's process ended without an answer");
  return std::string(answer, std::strcspn(answer, "\n"));
}

} // namespace tuned::bench
