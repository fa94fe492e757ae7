// The build behind a winner, for launches that break a condition of it (an array that begins anywhere, two
// that overlap). The daemon is asked for it when the first such launch comes.
#pragma once

#include "client/client.h"

#include <chrono>
#include <mutex>
#include <vector>

namespace tuned::client {

class Launcher;

/// Calls are safe from any thread.
class Fallback {
public:
  /// `without`: conditions that other builds were left for already.
  Fallback(std::string socket, AnswerPointer answer, std::vector<LaunchCondition> without)
      : socket_(std::move(socket)), answer_(std::move(answer)), without_(std::move(without)) {}

  /// What to launch in place of a build that `why` keeps from it; `broken` are its conditions that do not
  /// hold. Said once (client/notice.h). While its measurement is under way the daemon is asked again, each
  /// second at most. Errors are those of asking and of Launcher::load.
  Result<std::shared_ptr<const Launcher>> launcher(std::vector<LaunchCondition> broken, const Error& why);

private:
  Result<void> ask();

  const std::string socket_;
  const AnswerPointer answer_;
  std::mutex mutex_; ///< guards what follows
  std::vector<LaunchCondition> without_;
  std::shared_ptr<const Launcher> present_;
  std::vector<std::shared_ptr<const Launcher>> former_; ///< their launches may still run
  bool settled_ = false;
  std::chrono::steady_clock::time_point asked_ = {};
};

} // namespace tuned::client
