// Runs a part of a test in a process of its own, where limits and users can be changed.
#pragma once

#include <functional>
#include <sys/wait.h>
#include <unistd.h>

namespace tuned::test {

/// The child's exit status (what `work` gives), or 128 + the signal that ended it.
inline int inChild(const std::function<int()>& work) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace tuned::test
