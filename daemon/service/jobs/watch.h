// What the daemon knows of its devices while they work: whether tunings are paused, what else went on on a
// device when it was last looked at, and which device cannot be used for now. Calls are safe from any thread.
#pragma once

#include "base/model/device_state.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace tuned {

class DeviceWatch {
public:
  /// A device that could not be used is tried again after this.
  static constexpr std::chrono::seconds outFor{60};

  /// Tunings wait before their next compilation or measurement; for the daemon's life, or until resumed.
  void pause(bool paused);
  bool paused() const;
  /// Blocks while paused, or until `stop` is requested.
  void waitWhilePaused(const std::stop_token& stop);
  /// Of the daemon's life so far: budgets leave it out.
  double pausedSeconds() const;

  struct Seen {
    DeviceState state;
    std::chrono::steady_clock::time_point at;
  };
  void saw(const std::string& device, DeviceState state);
  std::optional<Seen> last(const std::string& device) const;

  /// Takes the device out of use for a while; gives whether it was in use.
  bool takeOut(const std::string& device, const std::string& why);
  /// It works: gives whether it was out.
  bool bringBack(const std::string& device);
  /// Why it is out of use; nothing: it is not, or it is time to try again.
  std::optional<std::string> out(const std::string& device) const;

private:
  struct Out {
    std::string why;
    std::chrono::steady_clock::time_point at;
  };
  mutable std::mutex mutex_; ///< guards all below
  std::condition_variable_any resumed_;
  bool paused_ = false;
  std::chrono::steady_clock::time_point pausedAt_;
  double pausedSeconds_ = 0; ///< of pauses that are over
  std::map<std::string, Seen> seen_;
  std::map<std::string, Out> out_;
};

} // namespace tuned
